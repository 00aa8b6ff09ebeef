// One connection to the gateway, from Hello to its end (protocol/LINK.md).
//
// Control messages are handled here, streams by those they belong to. step() does what can be done now and
// never waits for the peer, so that a fetch, the log and keep-alive share the connection. Worker only.
#pragma once

#include "firmware/kernel/link/channel_streams.hpp"
#include "firmware/kernel/link/crash_stream.hpp"
#include "firmware/kernel/link/debug_streams.hpp"
#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"
#include "firmware/kernel/link/log_stream.hpp"
#include "firmware/kernel/link/update_driver.hpp"

namespace microvisor::firmware::link {

enum class SessionEnd : std::uint8_t {
  None,       ///< it still stands
  Lost,       ///< the connection below has ended
  NoWelcome,  ///< the gateway did not answer Hello
  Silent,     ///< nothing heard for twice the keep-alive time, or after a ping
  Protocol,   ///< the gateway broke the rules
  Goodbye,    ///< the gateway said so
  NotWanted,  ///< the kernel does not want the network any more, or not over this bearer
};

/// What carries the connection, as Hello says it.
struct BearerFacts {
  microvisor_link_Bearer kind = microvisor_link_Bearer_BEARER_UNKNOWN;
  net::Reception reception;
  microvisor_link_BearerFailure other_failed = microvisor_link_BearerFailure_BEARER_FAILURE_NONE;
};

class Session {
 public:
  Session(LinkHost& host, FrameIo& io);

  /// Sends Hello on a fresh connection. `attempts`: since the last success. `module`: what is known of it.
  void start(std::uint64_t now, std::uint64_t attempts, const net::ModuleState& module,
             const BearerFacts& bearer);
  /// One round at `now` (microseconds). True if anything was done: then call again before waiting.
  [[nodiscard]] bool step(std::uint64_t now);
  /// When step() has to be called although nothing has arrived.
  [[nodiscard]] std::uint64_t next_deadline(std::uint64_t now) const;
  /// The connection is over: tells the streams. Call once after end() is not None.
  void finish();

  /// Ends the connection in good order, although the gateway is there.
  void leave();
  /// Nobody would notice a short interruption: nothing is under way, and no channel or debug session is open.
  [[nodiscard]] bool quiet() const { return settled() && !channels_.any() && !debug_.attached(); }

  [[nodiscard]] SessionEnd end() const { return end_; }
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] bool fetching() const { return update_.active(); }
  /// For how long the gateway does not want to hear of the device, seconds.
  [[nodiscard]] std::uint32_t calm() const { return calm_; }
  /// For a connection that is not the gateway's: there is one place for debug sessions. Only between two of
  /// the gateway's.
  [[nodiscard]] DebugStreams& debug_streams() { return debug_; }

 private:
  static constexpr std::uint64_t kWelcomeTime = 20'000'000;
  static constexpr std::uint32_t kDefaultKeepAlive = 180;
  static constexpr std::uint64_t kPingTime = 30'000'000;  // microseconds, in which something has to be heard
  static constexpr std::uint32_t kLongestCalm = 3600;

  /// When the gateway will have been silent for too long.
  [[nodiscard]] std::uint64_t silent_at() const;
  [[nodiscard]] bool take_turns(std::uint64_t now);
  [[nodiscard]] bool read_frames(std::uint64_t now);
  void control(const Frame& frame, std::uint64_t now);
  void stream(const Frame& frame, std::uint64_t now);
  void stream_data(const Frame& frame, std::uint64_t now);
  void open(const Frame& frame, std::uint64_t now);
  void welcome(const microvisor_link_Welcome& welcome, std::uint64_t now);
  void attest(const microvisor_link_Welcome& welcome);
  void settings(const microvisor_link_Settings& message);
  void new_keys(const microvisor_link_NewKeys& message);
  void pong(const microvisor_link_Pong& pong, std::uint64_t now);
  void watch(std::uint64_t now);
  [[nodiscard]] bool send_event();
  [[nodiscard]] bool settled() const;
  void goodbye(const microvisor_link_Goodbye& message);
  void say_goodbye();

  LinkHost& host_;
  FrameIo& io_;
  LogStream log_;
  ChannelStreams channels_;
  UpdateDriver update_;
  CrashStream crashes_;
  DebugStreams debug_;
  SessionEnd end_ = SessionEnd::Lost;
  unsigned first_ = 0;  // whose turn it is in take_turns()
  bool welcomed_ = false;
  std::uint32_t calm_ = 0;
  std::uint64_t hello_sent_ = 0;
  std::uint64_t last_heard_ = 0;
  std::uint64_t ping_sent_ = 0;  // 0: none outstanding
  std::uint64_t ping_token_ = 0;
  std::uint64_t keep_alive_ = std::uint64_t{kDefaultKeepAlive} * 1'000'000;
  DeviceEvent event_;  // in hand until it has been sent
};

}  // namespace microvisor::firmware::link
