// The wire format of Protocol Buffers, as much of it as the messages need: a tag is a field's number and
// type, a number has seven bits a byte, lowest first. (protobuf.dev, "Encoding".)
#include "firmware/kernel/channel_message.hpp"

#include <algorithm>

#include "firmware/kernel/resident/channels.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;
constexpr std::uint32_t kMoreBytes = 0x80;

constexpr std::uint32_t length_of_number(std::uint32_t value) {
  std::uint32_t bytes = 1;
  for (; value >= kMoreBytes; value >>= 7) ++bytes;
  return bytes;
}

/// A field where it stands in a ring.
struct Parsed {
  std::uint32_t number = 0;  // 0: there is none, or nothing that is one; the rest says nothing then
  std::uint32_t type;
  std::uint32_t value;  // or number of bytes
  std::uint32_t content;
  std::uint32_t next;
};

/// Reads a number from `bytes`; more than 32 bits are cut. Returns the bytes used, 0: it is none.
std::uint32_t read_number(const std::uint8_t* bytes, std::uint32_t size, std::uint32_t& value) {
  if (size != 0 && bytes[0] < kMoreBytes) {  // nearly always
    value = bytes[0];
    return 1;
  }
  value = 0;
  for (std::uint32_t i = 0; i < size && i < 5; ++i) {
    value |= static_cast<std::uint32_t>(bytes[i] & 0x7F) << (7 * i);
    if ((bytes[i] & kMoreBytes) == 0) return i + 1;
  }
  return 0;
}

/// The field at `at`, if that is before `end`.
Parsed parse_field(const ApplicationRing& ring, std::uint32_t at, std::uint32_t end) {
  Parsed field;
  if (at >= end) return field;
  std::array<std::uint8_t, 8> bytes;  // of a tag of up to three, and a number
  const std::uint32_t size = std::min<std::uint32_t>(bytes.size(), end - at);
  ring.peek(bytes.data(), at, size);
  std::uint32_t tag = 0;
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

constexpr std::uint32_t kFourSpaces = 0x2020'2020;

/// Whether four bytes are 0x20 to 0x7E: none has bit 7 set, borrows it when 0x20 is taken away, or gains it
/// by one more. The lowest byte that is not is always seen, whatever carries to those above it.
bool is_printable(std::uint32_t four) {
  return ((four | (four - kFourSpaces) | (four + 0x0101'0101)) & 0x8080'8080) == 0;
}

}  // namespace

// --- writing
// ---------------------------------------------------------------------------------------------------------------

void MessagePart::put(std::uint32_t value) {
  for (; value >= kMoreBytes; value >>= 7) put_byte(value | kMoreBytes);
  put_byte(value);
}

void MessagePart::number(unsigned field, std::uint32_t value) {
  if (value == 0) return;
  put_byte(field << 3 | kVarint);
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

void MessageWriter::begin() {
  index_ = 0;
  ahead_ = kMessageHeader;
  part_.clear();
}

abi::Status MessageWriter::check_room(const ApplicationRing& ring) const {
  const std::uint32_t needs = ahead_ + part_.own_size_;
  if (needs <= ring.room() && part_.size_ <= ring.room() - needs) return kAgain;
  return ring.used() == 0 ? abi::Status::INVALIDBUFFERSIZE : abi::Status::RATELIMITED;
}

std::uint32_t MessageWriter::piece_limit() const {
  const bool numbers = part_.own_size_ != 0;
  if (part_.key_) return numbers ? 0 : kKeyPiece;
  return numbers ? kFirstPiece : kPiece;
}

abi::Status MessageWriter::write(ApplicationRing& ring) {
  const std::uint32_t piece = std::min(part_.size_, piece_limit());
  if (!application_can_read(part_.data_, piece)) return abi::Status::LATEFAULT;
  if (part_.own_size_ != 0) {
    ring.put_ahead(ahead_, part_.own_.data(), part_.own_size_);
    ahead_ += part_.own_size_;
    part_.own_size_ = 0;
  }
  if (!part_.key_) {
    ring.copy_ahead(ahead_, part_.data_, piece);
  } else if (!copy_key(ring, piece)) {
    return abi::Status::INVALIDCONFIGKEY;
  }
  ahead_ += piece;
  part_.data_ += piece;
  part_.size_ -= piece;
  return kAgain;
}

/// Looked at in the copy, since the original may change.
bool MessageWriter::copy_key(ApplicationRing& ring, std::uint32_t size) const {
  std::array<std::uint32_t, kKeyPiece / 4> words;
  words.fill(kFourSpaces);  // what is no key's is printable
  copy_from_application(words.data(), part_.data_, size);
  for (std::uint32_t i = 0; 4 * i < size; ++i) {
    if (!is_printable(words[i])) return false;
  }
  ring.put_ahead(ahead_, words.data(), size);
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

void MessageReader::begin() {
  end_ = at_ = 0;
  looked_ = found_ = false;
  pieces_.end();
  progress_.end();
}

MessageKind MessageReader::kind(const ApplicationRing& ring) {
  if (end_ == 0) {
    std::uint32_t header = 0;
    ring.peek(&header, 0, sizeof header);
    kind_ = static_cast<MessageKind>(header >> 24);
    end_ = kMessageHeader + std::min(header & 0xFF'FFFF, whole_ - kMessageHeader);
  }
  return kind_;
}

bool MessageReader::look(const ApplicationRing& ring) {
  if (looked_) return true;
  if (at_ == 0) {
    at_ = kMessageHeader;
    fields_ = {};
    return false;
  }
  const Parsed field = parse_field(ring, at_, end_);
  if (field.number == 0 || field.number == repeated_field(kind_)) {
    looked_ = true;
    return false;
  }
  if (field.number <= kFields) fields_[field.number - 1] = {field.value, field.content};
  at_ = field.next;
  return false;
}

abi::Status MessageReader::find_item(const ApplicationRing& ring, std::uint32_t index) {
  if (found_ && index == index_) return abi::Status::OKAY;
  const bool onwards = found_ && index > index_;
  const std::uint32_t at = onwards ? item_.at + item_.value : at_;
  const Parsed field = parse_field(ring, at, end_);
  if (field.number == 0 || field.number != repeated_field(kind_) || field.type != kLengthDelimited)
    return abi::Status::INDEXINVALID;
  found_ = true;
  index_ = onwards ? index_ + 1 : 0;
  item_ = {field.value, field.content};
  inner_at_ = item_.at;
  inner_ = {};
  return kAgain;
}

bool MessageReader::look_inside(const ApplicationRing& ring) {
  const std::uint32_t end = item_.at + item_.value;
  if (inner_at_ == end) return true;
  const Parsed field = parse_field(ring, inner_at_, end);
  if (field.number != 0 && field.number <= inner_.size())
    inner_[field.number - 1] = {field.value, field.content};
  inner_at_ = field.number == 0 ? end : field.next;
  return false;
}

void MessageReader::take(ApplicationRing& ring) {
  std::uint32_t left = whole_ - end_;
  if (left < kMessageHeader) left = 0;  // not what has been received: the application has written there
  ring.skip(whole_ - left);
  whole_ = left;
  begin();
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
