// Debug sessions over the link: streams that the gateway opens (protocol/LINK.md, "Debug"), or a machine on
// the bench (direct_session.hpp).
//
// Two streams at most: the session, and one that may become it (protocol/debug/responder.hpp). What has come
// and cannot be dealt with yet is kept here, which is as much as credit has been given for. A session is over
// with its stream; what it has left behind is undone at once. Worker only.
#pragma once

#include "firmware/debugger/command_runner.hpp"
#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"
#include "protocol/debug/responder.hpp"

namespace microvisor::firmware::link {

class DebugStreams {
 public:
  explicit DebugStreams(LinkHost& host)
      : host_(host), responder_(host.debug_crypto()), runner_(host.debugged_application()) {}

  void connection_started() { streams_ = {}; }
  /// The application runs on, as if there had been no debugger.
  void connection_ended();
  /// The gateway opens a stream of the service.
  [[nodiscard]] bool open(FrameIo& io, std::uint32_t stream, std::uint32_t credit, std::uint64_t now);
  /// Does what has come, sends what there is. True if there was anything.
  [[nodiscard]] bool step(FrameIo& io, std::uint64_t now);
  [[nodiscard]] std::uint64_t next_deadline(std::uint64_t now) const;
  // Events of a stream; false if the stream is none of these. `violation`: the peer broke the rules.
  [[nodiscard]] bool received(std::uint32_t stream, std::span<const std::uint8_t> bytes, bool& violation);
  [[nodiscard]] bool credited(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool closed(std::uint32_t stream);
  /// A session is open.
  [[nodiscard]] bool attached() const { return session_ != 0; }
  /// There is a stream, of a session or of one that wants to be it.
  [[nodiscard]] bool any() const { return streams_[0].number != 0 || streams_[1].number != 0; }

 private:
  static constexpr std::uint32_t kWindow = 1024;  // bytes that may be under way to the device

  struct Stream {
    std::uint32_t number = 0;  // 0: free
    std::uint32_t credit = 0;  // we may send
    std::uint32_t size = 0;    // bytes that wait
    std::array<std::uint8_t, kWindow> waiting{};
  };

  [[nodiscard]] Stream* find(std::uint32_t number);
  [[nodiscard]] bool allow();
  [[nodiscard]] bool feed(FrameIo& io, Stream& stream, std::uint64_t now);
  [[nodiscard]] bool send(FrameIo& io, Stream& stream);
  [[nodiscard]] bool serve();
  [[nodiscard]] bool end_before_reset();
  [[nodiscard]] bool close_endings(FrameIo& io);
  void follow_session();

  LinkHost& host_;
  protocol::debug::Responder responder_;
  debugger::CommandRunner runner_;
  std::array<Stream, 2> streams_{};
  std::uint32_t session_ = 0;  // as the responder counts them; 0: none
  std::uint64_t ticked_ = 0;
};

}  // namespace microvisor::firmware::link
