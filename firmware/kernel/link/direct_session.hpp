// A debug session over the bare serial line: a developer's machine is connected in the modem's place and has
// answered the call with CONNECT DEBUG (protocol/LINK.md, "Without a gateway").
//
// Nothing on this line is authenticated but what a debug session proves by itself, so this is all that there
// is: streams of the service Debug. Whatever else comes ends it, and so does a line on which nobody has
// proven to be the developer in time; a network that says CONNECT DEBUG costs a delay. Worker only.
#pragma once

#include "firmware/kernel/link/debug_streams.hpp"

namespace microvisor::firmware::link {

enum class DirectEnd : std::uint8_t {
  None,       ///< it still stands
  Finished,   ///< there is no stream any more
  NoSession,  ///< nobody has proven to be the developer in time
  Protocol,   ///< something else than debug streams, or no frames at all
  Lost,       ///< the line takes nothing any more
  NotWanted,  ///< the kernel does not want the network any more, nor what stands in its place
};

class DirectSession {
 public:
  static constexpr std::uint64_t kPatience = 30'000'000;  ///< from the call to a session, microseconds

  /// All of it lives as long as this. `streams` belongs to the gateway's session at other times.
  DirectSession(LinkHost& host, FrameIo& io, DebugStreams& streams)
      : host_(host), io_(io), streams_(streams) {}

  void start(std::uint64_t now);
  /// One round. True if anything was done: then call again before waiting.
  [[nodiscard]] bool step(std::uint64_t now);
  [[nodiscard]] std::uint64_t next_deadline(std::uint64_t now) const;
  /// It is over: the application runs on. Call once after end() is not None.
  void finish() { streams_.connection_ended(); }

  [[nodiscard]] DirectEnd end() const { return end_; }
  /// Whether there was a session, which only the key's owner can have.
  [[nodiscard]] bool stood() const { return stood_; }

 private:
  [[nodiscard]] bool read_frames(std::uint64_t now);
  [[nodiscard]] DirectEnd take(const Frame& frame, std::uint64_t now);
  [[nodiscard]] DirectEnd open(const Frame& frame, std::uint64_t now);

  LinkHost& host_;
  FrameIo& io_;
  DebugStreams& streams_;
  DirectEnd end_ = DirectEnd::None;
  std::uint64_t started_ = 0;
  std::uint32_t last_stream_ = 0;
  bool stood_ = false;
};

}  // namespace microvisor::firmware::link
