// One end of a debug stream: records of a length and as many bytes (FORMAT.md), plain while the handshake
// lasts, then encrypted. Takes bytes in, gives bytes out, waits for nothing; both sides of a session are
// built on it.
#pragma once

#include "protocol/debug/messages.hpp"
#include "protocol/debug/noise.hpp"

namespace microvisor::protocol::debug {

inline constexpr std::size_t kLengthBytes = 2;
inline constexpr std::size_t kMaximumRecord = kMaximumMessage + kTagBytes;  ///< behind its length
/// Of the plain text of the machine's first encrypted record: until that has been verified a device has no
/// more room for it than a handshake needs.
inline constexpr std::size_t kMaximumFirstMessage = kHandshakeBytes - kTagBytes - 1;
static_assert(kMaximumFirstMessage == 64);

class Channel {
 public:
  enum class State : std::uint8_t {
    Handshake,     ///< records go as they are
    Open,          ///< records are encrypted
    Ended,         ///< end() has been called; nothing is taken or given any more
    Broken,        ///< a record of a length that is not allowed
    NotAuthentic,  ///< a record that does not verify: another's, damaged, lost, doubled or out of turn
    CryptoFailed,  ///< a record could not be encrypted
  };

  /// `in` has room for the longest record that is accepted, `out` for the longest one that is sent with its
  /// length. Both live as long as this.
  Channel(Crypto& crypto, std::span<std::uint8_t> in, std::span<std::uint8_t> out)
      : crypto_(crypto), in_(in), out_(out) {}

  /// Begins anew, with the handshake.
  void start();
  void end() { end(State::Ended); }
  /// The handshake message does not verify.
  void refuse() { end(State::NotAuthentic); }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool over() const { return state_ > State::Open; }
  /// The handshake's result goes in here; from now on records are encrypted.
  [[nodiscard]] Transport& open();
  /// Goes on where `from` stands, with what it has received; what waits to be sent is dropped on both sides.
  void take_over(Channel& from);

  /// Takes bytes of the stream, at most to the end of a record, and none while a message waits. Returns how
  /// many; they count as consumed.
  [[nodiscard]] std::size_t push(std::span<const std::uint8_t> bytes);
  /// What has arrived: a handshake message, or plain text that has been verified. Empty: nothing yet.
  [[nodiscard]] std::span<const std::uint8_t> message() const { return message_; }
  /// It has been dealt with.
  void message_done();

  /// Where the next record's contents are to be written; empty while one waits to be sent.
  [[nodiscard]] std::span<std::uint8_t> room();
  /// So many bytes have been written there, 1 to room().size(): they go out as a record.
  void send(std::size_t size);
  /// What waits to be sent.
  [[nodiscard]] std::span<const std::uint8_t> output() const { return output_; }
  void sent(std::size_t bytes) { output_ = output_.subspan(bytes); }

 private:
  void end(State state);
  void finish_record();

  Crypto& crypto_;
  std::span<std::uint8_t> in_;
  std::span<std::uint8_t> out_;
  Transport transport_;
  State state_ = State::Ended;
  std::array<std::uint8_t, kLengthBytes> length_{};
  std::size_t have_ = 0;  // bytes of the record, its length included
  std::span<std::uint8_t> message_{};
  std::span<const std::uint8_t> output_{};
};

}  // namespace microvisor::protocol::debug
