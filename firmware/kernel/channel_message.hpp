// Messages of HTTP, configuration and MQTT channels (protocol/channel/FORMAT.md), put together from the
// application's structures and taken apart again, where they stand: in the application's own buffers.
//
// Both go by steps of bounded length, a trap each (kAgain). Nothing in the buffers is believed: lengths are
// held against what has been received, and what another call or the application does to a message in between
// is that application's loss.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/application_ring.hpp"
#include "firmware/kernel/resident/caller.hpp"
#include "firmware/kernel/resident/pieces.hpp"

namespace microvisor::firmware::kernel {

/// protocol/channel.proto, Kind.
enum class MessageKind : std::uint8_t {
  None = 0,
  HttpRequest = 1,
  HttpResponse = 2,
  ConfigRequest = 3,
  ConfigResponse = 4,
  MqttConnect = 16,
  MqttSubscribe = 17,
  MqttUnsubscribe = 18,
  MqttPublish = 19,
  MqttAcknowledge = 20,
  MqttDisconnect = 21,
  MqttMessage = 33,
  MqttLostMessage = 34,
  MqttConnectResponse = 35,
  MqttSubscribeResponse = 36,
  MqttUnsubscribeResponse = 37,
  MqttPublishResponse = 38,
  MqttDisconnectResponse = 39,
};
inline constexpr std::uint32_t kMessageHeader = 4;  // bytes

/// A body's answer when a message has no more parts. No status of the interface.
inline constexpr auto kNoMoreParts = static_cast<abi::Status>(~std::uint32_t{1});

/// What comes next in a message: fields of numbers, and behind them perhaps one of the application's bytes.
class MessagePart {
 public:
  static constexpr std::uint32_t kOwn = 32;  // bytes

  /// Zero is not written: an absent field is zero.
  void number(unsigned field, std::uint32_t value);
  /// The last thing of a part.
  void bytes(unsigned field, const abi::SizedString& content);
  /// The bytes of `bytes()` are a key: one that is not printable ASCII ends the message.
  void key(unsigned field, const abi::SizedString& content);
  /// A message in the message begins, of so many bytes.
  void message(unsigned field, std::uint32_t size);
  /// What bytes() needs, besides the content itself.
  [[nodiscard]] static std::uint32_t overhead(std::uint32_t size);

 private:
  friend class MessageWriter;
  void put(std::uint32_t value);

  std::array<std::uint8_t, kOwn> own_;
  std::uint32_t own_size_ = 0;
  Address data_ = 0;
  std::uint32_t size_ = 0;
  bool key_ = false;
};

/// Puts one message at a time into a channel's send buffer. One call's is under way; another call takes its
/// place.
class MessageWriter {
 public:
  void end() { by_.stack_pointer = 0; }
  /// One step of a message: `part_of(index, part)` describes the part with this index, answers kNoMoreParts
  /// behind the last, or an error, which ends the message with nothing sent. OKAY: it is sent as a whole.
  /// INVALIDBUFFERSIZE: it can never fit; RATELIMITED: it does not now.
  template <typename PartOf>
  [[nodiscard]] abi::Status step(ApplicationRing& ring, MessageKind kind, PartOf part_of) {
    resume();
    MessagePart part;
    const abi::Status status = part_of(part_, part);
    if (status == abi::Status::OKAY) return ended_by(add(ring, part));
    if (status == kNoMoreParts) finish(ring, kind);
    return ended_by(status == kNoMoreParts ? abi::Status::OKAY : status);
  }

 private:
  static constexpr std::uint32_t kPiece = 128;    // copied by one step, bytes
  static constexpr std::uint32_t kKeyPiece = 24;  // looked at by one step

  void resume();
  [[nodiscard]] abi::Status ended_by(abi::Status status) {
    if (status != kAgain) end();
    return status;
  }
  [[nodiscard]] abi::Status add(ApplicationRing& ring, MessagePart& part);
  [[nodiscard]] abi::Status begin_part(ApplicationRing& ring, const MessagePart& part);
  [[nodiscard]] bool copy_key(ApplicationRing& ring, MessagePart& part, std::uint32_t size) const;
  void finish(ApplicationRing& ring, MessageKind kind);

  Caller by_;
  std::uint32_t part_ = 0;
  std::uint32_t progress_ = 0;  // bytes of the application's that have been copied of the part
  std::uint32_t size_ = 0;      // of them, as the message says
  std::uint32_t ahead_ = 0;     // bytes of the message, its header included
};

/// One field of a received message: a number, or where its bytes are.
struct MessageField {
  std::uint32_t value = 0;  // or number of bytes
  std::uint32_t at = 0;     // of the bytes, from the message's header on
};

/// Looks into the oldest message of a channel's receive buffer.
class MessageReader {
 public:
  static constexpr unsigned kFields = 5;  // no message of the service's has more

  void reset() { *this = {}; }
  /// The kind of the next message that has arrived as a whole and has not been asked about; nothing if there
  /// is none.
  [[nodiscard]] std::optional<MessageKind> arrived(const ApplicationRing& ring);
  [[nodiscard]] bool has_message() const { return whole_ != 0; }
  /// Valid if there is a message.
  [[nodiscard]] MessageKind kind(const ApplicationRing& ring) const;
  /// Brings the fields of the oldest message into reach. False: not all are yet.
  [[nodiscard]] bool look(const ApplicationRing& ring);
  /// Field of this number; looked at.
  [[nodiscard]] const MessageField& field(unsigned number) const { return fields_[number - 1]; }
  /// The `index`th of the repeated fields at the message's end, looked at. kAgain: go on.
  [[nodiscard]] abi::Status repeated(const ApplicationRing& ring, std::uint32_t index, MessageField& found);
  /// Two numbered fields of a message in the message: a number (1) and bytes (2).
  [[nodiscard]] static std::array<MessageField, 2> inner(const ApplicationRing& ring,
                                                         const MessageField& outer);
  /// The oldest message has been read.
  void take(ApplicationRing& ring);
  [[nodiscard]] Pieces& pieces() { return pieces_; }

 private:
  struct Header {
    MessageKind kind;
    std::uint32_t end;  // of the message, from its header on; never beyond what has been received
  };
  [[nodiscard]] Header header(const ApplicationRing& ring) const;

  std::uint32_t whole_ = 0;  // bytes of whole messages in the ring
  std::uint32_t at_ = 0;     // next field to look at, from the header on; 0: none has been
  bool looked_ = false;
  std::array<MessageField, kFields> fields_{};
  std::uint32_t next_index_ = 0;  // of the repeated field
  std::uint32_t next_at_ = 0;     // that stands here
  Pieces pieces_;                 // of what is copied out
};

}  // namespace microvisor::firmware::kernel
