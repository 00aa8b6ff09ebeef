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

  /// Zero is not written: an absent field is zero. `field` is at most 15.
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
  void clear() {
    own_size_ = size_ = 0;
    key_ = false;
  }
  [[gnu::always_inline]] void put_byte(std::uint32_t value) {
    own_[own_size_++] = static_cast<std::uint8_t>(value);
  }
  void put(std::uint32_t value);

  std::array<std::uint8_t, kOwn> own_{};
  std::uint32_t own_size_ = 0;
  Address data_ = 0;
  std::uint32_t size_ = 0;
  bool key_ = false;
};

/// Puts one message at a time into a channel's send buffer. One call's is under way; another call takes its
/// place.
class MessageWriter {
 public:
  void end() { progress_.end(); }
  /// One step of a message, which either describes a part or writes a piece of the one described last:
  /// `part_of(index, part)` describes the part with this index, answers kNoMoreParts behind the last, or an
  /// error, which ends the message with nothing sent. OKAY: it is sent as a whole. INVALIDBUFFERSIZE: it can
  /// never fit; RATELIMITED: it does not now.
  template <typename PartOf>
  [[nodiscard]] abi::Status step(ApplicationRing& ring, MessageKind kind, PartOf part_of) {
    if (progress_.step() == 0) begin();
    if (part_.own_size_ + part_.size_ != 0) return ended_by(write(ring));
    if (index_ == kBehindParts) {
      finish(ring, kind);
      return ended_by(abi::Status::OKAY);
    }
    part_.clear();
    const abi::Status status = part_of(index_++, part_);
    if (status == abi::Status::OKAY) return ended_by(check_room(ring));
    if (status != kNoMoreParts) return ended_by(status);
    index_ = kBehindParts;  // the last step wakes the link, which takes its time
    return kAgain;
  }

 private:
  static constexpr std::uint32_t kBehindParts = ~std::uint32_t{0};
  // Copied by one step, bytes.
  static constexpr std::uint32_t kPiece = 144;
  static constexpr std::uint32_t kFirstPiece = 48;  // behind numbers
  static constexpr std::uint32_t kKeyPiece = 8;     // which are looked at, never behind numbers

  void begin();
  [[nodiscard]] abi::Status ended_by(abi::Status status) {
    if (status != kAgain) end();
    return status;
  }
  [[nodiscard]] abi::Status check_room(const ApplicationRing& ring) const;
  [[nodiscard]] std::uint32_t piece_limit() const;
  [[nodiscard]] abi::Status write(ApplicationRing& ring);
  [[nodiscard]] bool copy_key(ApplicationRing& ring, std::uint32_t size) const;
  void finish(ApplicationRing& ring, MessageKind kind);

  CallProgress progress_;
  std::uint32_t index_ = 0;  // of the part that is described next
  std::uint32_t ahead_ = 0;  // bytes of the message, its header included
  MessagePart part_;         // what has not been written of it
};

/// One field of a received message: a number, or where its bytes are.
struct MessageField {
  std::uint32_t value = 0;  // or number of bytes
  std::uint32_t at = 0;     // of the bytes, from the message's header on
};

/// Looks into the oldest message of a channel's receive buffer, one field a step. What has been found out is
/// kept until the message is taken.
class MessageReader {
 public:
  static constexpr unsigned kFields = 5;  // no message of the service's has more

  void reset() {
    whole_ = 0;
    begin();
  }
  /// The kind of the next message that has arrived as a whole and has not been asked about; nothing if there
  /// is none.
  [[nodiscard]] std::optional<MessageKind> arrived(const ApplicationRing& ring);
  [[nodiscard]] bool has_message() const { return whole_ != 0; }
  /// Valid if there is a message.
  [[nodiscard]] MessageKind kind(const ApplicationRing& ring);
  /// Brings the fields of the oldest message, whose kind has been asked for, into reach. False: not all are
  /// yet.
  [[nodiscard]] bool look(const ApplicationRing& ring);
  /// Field of this number; looked at.
  [[nodiscard]] const MessageField& field(unsigned number) const { return fields_[number - 1]; }
  /// Finds the `index`th of the repeated fields at the message's end, looked at. kAgain: not yet.
  [[nodiscard]] abi::Status find_item(const ApplicationRing& ring, std::uint32_t index);
  /// The one that was found.
  [[nodiscard]] const MessageField& item() const { return item_; }
  /// Brings the fields of the item, which is a message itself, into reach. False: not all are yet.
  [[nodiscard]] bool look_inside(const ApplicationRing& ring);
  /// Field 1 or 2 of it.
  [[nodiscard]] const MessageField& inner(unsigned number) const { return inner_[number - 1]; }
  /// The oldest message has been read.
  void take(ApplicationRing& ring);
  /// Of what is copied out, and of a call that has more to tell.
  [[nodiscard]] Pieces& pieces() { return pieces_; }
  [[nodiscard]] CallProgress& progress() { return progress_; }

 private:
  void begin();

  std::uint32_t whole_ = 0;  // bytes of whole messages in the ring
  // The oldest of them.
  std::uint32_t end_ = 0;  // from its header on, never beyond what has been received; 0: not asked for
  MessageKind kind_ = MessageKind::None;
  bool looked_ = false;
  bool found_ = false;
  std::uint32_t at_ = 0;  // next field to look at, then the first of the repeated ones; 0: none has been
  std::array<MessageField, kFields> fields_{};
  // Of the repeated ones, that was found last.
  std::uint32_t index_ = 0;
  MessageField item_;
  std::uint32_t inner_at_ = 0;  // next field in it to look at
  std::array<MessageField, 2> inner_{};

  Pieces pieces_;
  CallProgress progress_;
};

}  // namespace microvisor::firmware::kernel
