// The device's side of debug sessions: one session, and beside it one candidate that may take it over.
//
// A candidate is whoever has opened a stream and not yet proven to be there: message 1 of the handshake may
// be a copy of an old one. Only a record that verifies under the fresh keys makes a candidate the session,
// and until then nothing that anybody else does is disturbed by it.
//
// Belongs to the kernel's worker, without whose calls nothing happens here: bytes in, bytes out, no waiting.
// A call takes at most one handshake (five multiplications on the curve) or one record (2 KiB of AES-GCM).
#pragma once

#include <optional>

#include "protocol/debug/channel.hpp"

namespace microvisor::protocol::debug {

/// Of the event Ended.
inline constexpr std::size_t kEndedBytes = 2;

/// Why the device gives up a stream.
enum class Closing : std::uint8_t {
  TakenOver,       ///< another session has begun
  Authentication,  ///< what came does not verify
  Protocol,        ///< what came is not as it must be
  Expired,         ///< silence, or a handshake that takes too long
  Failed,          ///< the chip's cryptography failed
  Finished,        ///< end_session()
};

class Responder {
 public:
  static constexpr std::uint64_t kSilenceMilliseconds = 60'000;
  static constexpr std::uint64_t kHandshakeMilliseconds = 20'000;

  explicit Responder(Crypto& crypto);

  /// With whom sessions may be held, and about what; the references stay good. The installed application does
  /// not change while the kernel runs, so neither do these.
  void allow(const StaticKeys& keys, const Prologue& prologue);

  /// The gateway has opened stream `number` (not 0). False: there is a candidate already, or nobody is
  /// allowed. Times count from anywhere, milliseconds.
  [[nodiscard]] bool open(std::uint32_t number, std::uint64_t now);
  /// Stream `number` is gone.
  void closed(std::uint32_t number);

  /// Bytes of stream `number`. Returns how many have been consumed: give that much credit back, and come
  /// again with the others when the message has been dealt with.
  [[nodiscard]] std::size_t push(std::uint32_t number, std::span<const std::uint8_t> bytes,
                                 std::uint64_t now);
  /// What goes out on stream `number`.
  [[nodiscard]] std::span<const std::uint8_t> output(std::uint32_t number) const;
  void sent(std::uint32_t number, std::size_t bytes);

  /// Counts sessions; 0 while there is none. Another number: what the session before has left behind
  /// (breakpoints, a halted application) is to be undone.
  [[nodiscard]] std::uint32_t session() const { return stream_ != 0 ? session_ : 0; }
  /// Commands of the session that wait. Empty: none.
  [[nodiscard]] std::span<const std::uint8_t> message() const { return channel_.message(); }
  void message_done() { channel_.message_done(); }
  /// Where what the session is told is to be written, up to kMaximumMessage bytes; empty while something
  /// waits to be sent, or there is no session.
  [[nodiscard]] std::span<std::uint8_t> room();
  void send(std::size_t size);
  /// The session is over; its stream is given up. The machine is told `reason` by the last record, unless one
  /// before it has not gone out yet.
  void end_session(Closing why = Closing::Finished, std::optional<EndReason> reason = std::nullopt);

  /// To be called about once a second.
  void tick(std::uint64_t now);

  struct Ending {
    std::uint32_t number = 0;  ///< of the stream
    Closing why{};
    /// What goes out on the stream before it is closed: the first `size` bytes.
    std::array<std::uint8_t, kLengthBytes + kEndedBytes + kTagBytes> last{};
    std::uint8_t size = 0;
  };
  /// Streams that have been given up, each once: they are to be closed, and are known here no more.
  [[nodiscard]] std::optional<Ending> take_ending();

 private:
  void serve_candidate(std::uint64_t now);
  void answer_handshake();
  void promote(std::uint64_t now);
  void check(Channel& channel, std::uint32_t& stream);
  void give_up(Channel& channel, std::uint32_t& stream, Closing why, std::span<const std::uint8_t> last = {});
  void give_up_session(Closing why, EndReason reason);

  Crypto& crypto_;
  std::optional<StaticKeys> keys_;
  Prologue prologue_{};

  std::array<std::uint8_t, kMaximumRecord> in_{};
  std::array<std::uint8_t, kLengthBytes + kMaximumRecord> out_{};
  Channel channel_;
  std::uint32_t stream_ = 0;  // 0: no session
  std::uint32_t session_ = 0;
  std::uint64_t heard_ = 0;

  std::array<std::uint8_t, kHandshakeBytes> candidate_in_{};
  std::array<std::uint8_t, kLengthBytes + kHandshakeBytes> candidate_out_{};
  Channel candidate_;
  std::uint32_t candidate_stream_ = 0;  // 0: none
  std::uint64_t opened_ = 0;

  std::array<Ending, 2> endings_{};
  std::size_t ending_count_ = 0;
};

/// All the memory of the device's side, beside what its cryptography takes while it works.
inline constexpr std::size_t kResponderBytes = 5 * 1024;
static_assert(sizeof(void*) != 4 || sizeof(Responder) <= kResponderBytes);

}  // namespace microvisor::protocol::debug
