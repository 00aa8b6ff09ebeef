// The wire format of Protocol Buffers, as much of it as the messages need: a tag is a field's number and
// type, a number has seven bits a byte, lowest first. (protobuf.dev, "Encoding".)
#include "firmware/kernel/channel_message.hpp"

#include <algorithm>

#include "firmware/kernel/resident/channels.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;
constexpr std::uint32_t kMoreBytes = 0x80;
constexpr std::uint32_t kFieldsAStep = 2;

constexpr std::uint32_t length_of_number(std::uint32_t value) {
  std::uint32_t bytes = 1;
  for (; value >= kMoreBytes; value >>= 7) ++bytes;
  return bytes;
}

/// A field where it stands in a ring.
struct Parsed {
  std::uint32_t number = 0;  // 0: there is none, or nothing that is one
  std::uint32_t type = kVarint;
  std::uint32_t value = 0;  // or number of bytes
  std::uint32_t content = 0;
  std::uint32_t next = 0;
};

/// Reads a number from `bytes`; more than 32 bits are cut. Returns the bytes used, 0: it is none.
std::uint32_t read_number(const std::uint8_t* bytes, std::uint32_t size, std::uint32_t& value) {
  value = 0;
  for (std::uint32_t i = 0; i < size && i < 5; ++i) {
    value |= static_cast<std::uint32_t>(bytes[i] & 0x7F) << (7 * i);
    if ((bytes[i] & kMoreBytes) == 0) return i + 1;
  }
  return 0;
}

/// The field at `at`, which is before `end`.
Parsed parse_field(const ApplicationRing& ring, std::uint32_t at, std::uint32_t end) {
  std::array<std::uint8_t, 10> bytes;
  const std::uint32_t size = std::min<std::uint32_t>(bytes.size(), end - at);
  ring.peek(bytes.data(), at, size);
  std::uint32_t tag = 0;
  Parsed field;
  const std::uint32_t tag_size = read_number(bytes.data(), size, tag);
  if (tag_size == 0) return field;
  field.type = tag & 7;
  field.content = at + tag_size;
  std::uint32_t width = field.type == kFixed64 ? 8 : 4;
  if (field.type == kVarint || field.type == kLengthDelimited) {
    width = read_number(bytes.data() + tag_size, size - tag_size, field.value);
    if (width == 0) return field;
  } else if (field.type != kFixed32 && field.type != kFixed64) {
    return field;
  }
  if (width > end - field.content) return field;
  field.next = field.content + width;
  if (field.type == kLengthDelimited) {
    if (field.value > end - field.next) return field;
    field.content = field.next;
    field.next += field.value;
  }
  field.number = tag >> 3;
  return field;
}

/// The repeated field at a message's end, which is read one by one; 0: it has none.
unsigned repeated_field(MessageKind kind) {
  if (kind == MessageKind::HttpResponse) return 5;
  return kind == MessageKind::ConfigResponse ? 3 : 0;
}

bool is_printable(const std::uint8_t* bytes, std::uint32_t size) {
  return std::all_of(bytes, bytes + size, [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7F; });
}

}  // namespace

// --- writing
// ---------------------------------------------------------------------------------------------------------------

void MessagePart::put(std::uint32_t value) {
  for (; value >= kMoreBytes; value >>= 7) own_[own_size_++] = static_cast<std::uint8_t>(value | kMoreBytes);
  own_[own_size_++] = static_cast<std::uint8_t>(value);
}

void MessagePart::number(unsigned field, std::uint32_t value) {
  if (value == 0) return;
  put(field << 3 | kVarint);
  put(value);
}

void MessagePart::message(unsigned field, std::uint32_t size) {
  put(field << 3 | kLengthDelimited);
  put(size);
}

void MessagePart::bytes(unsigned field, const abi::SizedString& content) {
  message(field, content.length);
  data_ = content.data;
  size_ = content.length;
}

void MessagePart::key(unsigned field, const abi::SizedString& content) {
  bytes(field, content);
  key_ = true;
}

std::uint32_t MessagePart::overhead(std::uint32_t size) { return 1 + length_of_number(size); }

void MessageWriter::resume() {
  if (caller.same_call(by_)) return;
  by_ = caller;
  part_ = progress_ = 0;
  ahead_ = kMessageHeader;
}

abi::Status MessageWriter::begin_part(ApplicationRing& ring, const MessagePart& part) {
  const std::uint32_t needs = ahead_ + part.own_size_;
  if (needs > ring.room() || part.size_ > ring.room() - needs)
    return ring.used() == 0 ? abi::Status::INVALIDBUFFERSIZE : abi::Status::RATELIMITED;
  ring.put_ahead(ahead_, part.own_.data(), part.own_size_);
  ahead_ += part.own_size_;
  size_ = part.size_;
  return kAgain;
}

abi::Status MessageWriter::add(ApplicationRing& ring, MessagePart& part) {
  if (progress_ == 0) {
    const abi::Status status = begin_part(ring, part);
    if (status != kAgain) return status;
  }
  const std::uint32_t piece = std::min(size_ - progress_, part.key_ ? kKeyPiece : kPiece);
  const Address from = part.data_ + progress_;
  if (part.size_ != size_ || !application_can_read(from, piece)) return abi::Status::LATEFAULT;
  if (!part.key_) {
    ring.copy_ahead(ahead_, from, piece);
  } else if (!copy_key(ring, part, piece)) {
    return abi::Status::INVALIDCONFIGKEY;
  }
  ahead_ += piece;
  progress_ += piece;
  if (progress_ == size_) {
    ++part_;
    progress_ = 0;
  }
  return kAgain;
}

/// Looked at in the copy, since the original may change; the part's own bytes have been put and give room for
/// it.
bool MessageWriter::copy_key(ApplicationRing& ring, MessagePart& part, std::uint32_t size) const {
  copy_from_application(part.own_.data(), part.data_ + progress_, size);
  if (!is_printable(part.own_.data(), size)) return false;
  ring.put_ahead(ahead_, part.own_.data(), size);
  return true;
}

void MessageWriter::finish(ApplicationRing& ring, MessageKind kind) {
  const std::uint32_t header = (ahead_ - kMessageHeader) | static_cast<std::uint32_t>(kind) << 24;
  ring.put_ahead(0, &header, sizeof header);  // little-endian, as the device
  ring.commit(ahead_);
}

// --- reading
// ---------------------------------------------------------------------------------------------------------------

std::optional<MessageKind> MessageReader::arrived(const ApplicationRing& ring) {
  const std::uint32_t rest = ring.used() - whole_;
  if (rest < kMessageHeader) return std::nullopt;
  std::uint32_t header = 0;
  ring.peek(&header, whole_, sizeof header);
  const std::uint32_t length = header & 0xFF'FFFF;
  if (length > rest - kMessageHeader) return std::nullopt;
  whole_ += kMessageHeader + length;
  return static_cast<MessageKind>(header >> 24);
}

MessageReader::Header MessageReader::header(const ApplicationRing& ring) const {
  std::uint32_t word = 0;
  ring.peek(&word, 0, sizeof word);
  const std::uint32_t length = std::min(word & 0xFF'FFFF, whole_ - kMessageHeader);
  return {static_cast<MessageKind>(word >> 24), kMessageHeader + length};
}

MessageKind MessageReader::kind(const ApplicationRing& ring) const { return header(ring).kind; }

bool MessageReader::look(const ApplicationRing& ring) {
  if (looked_) return true;
  const auto [kind, end] = header(ring);
  const unsigned stop = repeated_field(kind);
  if (at_ == 0) at_ = kMessageHeader;
  for (unsigned step = 0; step < kFieldsAStep; ++step) {
    const Parsed field = at_ < end ? parse_field(ring, at_, end) : Parsed{};
    if (field.number == 0 || field.number == stop) {
      next_at_ = field.number == 0 ? end : at_;
      looked_ = true;
      return true;
    }
    if (field.number <= kFields) fields_[field.number - 1] = {field.value, field.content};
    at_ = field.next;
  }
  return false;
}

abi::Status MessageReader::repeated(const ApplicationRing& ring, std::uint32_t index, MessageField& found) {
  const auto [kind, end] = header(ring);
  if (index < next_index_) {
    next_index_ = 0;
    next_at_ = at_;
  }
  for (unsigned step = 0; step < kFieldsAStep; ++step) {
    const Parsed field = next_at_ < end ? parse_field(ring, next_at_, end) : Parsed{};
    if (field.number != repeated_field(kind) || field.type != kLengthDelimited)
      return abi::Status::INDEXINVALID;
    if (next_index_ == index) {
      found = {field.value, field.content};
      return abi::Status::OKAY;
    }
    ++next_index_;
    next_at_ = field.next;
  }
  return kAgain;
}

std::array<MessageField, 2> MessageReader::inner(const ApplicationRing& ring, const MessageField& outer) {
  std::array<MessageField, 2> fields{};
  const std::uint32_t end = outer.at + outer.value;
  std::uint32_t at = outer.at;
  for (unsigned step = 0; step < fields.size() && at < end; ++step) {
    const Parsed field = parse_field(ring, at, end);
    if (field.number == 0) break;
    if (field.number <= fields.size()) fields[field.number - 1] = {field.value, field.content};
    at = field.next;
  }
  return fields;
}

void MessageReader::take(ApplicationRing& ring) {
  std::uint32_t left = whole_ - header(ring).end;
  if (left < kMessageHeader) left = 0;  // not what has been received: the application has written there
  ring.skip(whole_ - left);
  reset();
  whole_ = left;
}

// --- arriving
// --------------------------------------------------------------------------------------------------------------

void MqttRequests::answered(MessageKind response) {
  if (response == MessageKind::MqttPublishResponse && publications != 0) --publications;
  if (response == MessageKind::MqttSubscribeResponse) subscription = false;
  if (response == MessageKind::MqttUnsubscribeResponse) end_of_subscription = false;
  if (response == MessageKind::MqttDisconnectResponse) disconnection = false;
}

bool Channels::announce(unsigned index, Notifications& notifications, std::uint64_t now) {
  Slot& slot = slots_[index];
  if (slot.state != State::Open || slot.type == abi::ChannelType::OPAQUEBYTES) return false;
  const auto kind = slot.reader.arrived(slot.receive);
  if (!kind) return false;
  slot.mqtt.answered(*kind);
  notifications.post(slot.centre, abi::EventType::CHANNELDATAREADABLE, slot.tag, now);
  return true;
}

}  // namespace microvisor::firmware::kernel
