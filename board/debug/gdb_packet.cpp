#include "board/debug/gdb_packet.hpp"

#include <algorithm>
#include <charconv>

namespace microvisor::board::gdb {
namespace {

constexpr char kEscape = '}';
constexpr char kEscapeBit = 0x20;
constexpr char kInterrupt = 0x03;
constexpr std::string_view kDigits = "0123456789abcdef";

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// Of what we send, these would be taken for something else ('*' begins a run length).
bool needs_escape(char byte) { return byte == '$' || byte == '#' || byte == '*' || byte == kEscape; }

std::string hex_byte(std::uint8_t byte) { return {kDigits[byte >> 4], kDigits[byte & 15]}; }

}  // namespace

void PacketReader::take(std::string_view bytes,
                        const std::function<void(Event, const std::string& data)>& on_event) {
  for (const char byte : bytes) {
    switch (state_) {
      case State::Between:
        if (const auto event = take_between(byte)) on_event(*event, {});
        break;
      case State::Data:
      case State::Escaped: add(byte); break;
      case State::FirstDigit:
        first_digit_ = byte;
        state_ = State::SecondDigit;
        break;
      case State::SecondDigit:
        state_ = State::Between;
        if (checksum_fits(byte)) {
          const std::string data = std::move(data_);
          on_event(Event::Packet, data);
        } else {
          on_event(Event::Damaged, {});
        }
        break;
    }
  }
}

/// Whatever is not the beginning of something is noise.
std::optional<PacketReader::Event> PacketReader::take_between(char byte) {
  switch (byte) {
    case '$':
      state_ = State::Data;
      data_.clear();
      length_ = 0;
      sum_ = 0;
      return std::nullopt;
    case '+': return Event::Acknowledged;
    case '-': return Event::Refused;
    case kInterrupt: return Event::Interrupt;
    default: return std::nullopt;
  }
}

void PacketReader::add(char byte) {
  if (byte == '#') {
    // An escape that ends with the data is damage, which the length remembers.
    if (state_ == State::Escaped) length_ = kLargestPacket + 1;
    state_ = State::FirstDigit;
    return;
  }
  sum_ = static_cast<std::uint8_t>(sum_ + static_cast<std::uint8_t>(byte));
  length_ = std::min(length_ + 1, kLargestPacket + 1);
  if (state_ == State::Data && byte == kEscape) {
    state_ = State::Escaped;
    return;
  }
  if (length_ <= kLargestPacket) {
    data_ += state_ == State::Escaped ? static_cast<char>(byte ^ kEscapeBit) : byte;
  }
  state_ = State::Data;
}

bool PacketReader::checksum_fits(char second_digit) const {
  const int high = digit_value(first_digit_);
  const int low = digit_value(second_digit);
  return high >= 0 && low >= 0 && high * 16 + low == sum_ && length_ <= kLargestPacket;
}

std::string make_packet(std::string_view data) {
  std::string packet = "$";
  std::uint8_t sum = 0;
  const auto put = [&](char byte) {
    packet += byte;
    sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(byte));
  };
  for (const char byte : data) {
    const bool escaped = needs_escape(byte);
    if (escaped) put(kEscape);
    put(escaped ? static_cast<char>(byte ^ kEscapeBit) : byte);
  }
  return packet + "#" + hex_byte(sum);
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += hex_byte(byte);
  return text;
}

std::string to_hex(std::string_view text) {
  return to_hex(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  for (std::size_t index = 0; index < text.size(); index += 2) {
    const int high = digit_value(text[index]);
    const int low = digit_value(text[index + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string window(std::string_view text, std::uint64_t offset, std::uint64_t length) {
  if (offset >= text.size()) return "l";
  const std::string_view part = text.substr(offset, length);
  return (offset + part.size() == text.size() ? "l" : "m") + std::string(part);
}

bool Arguments::literal(std::string_view text) {
  if (!rest_.starts_with(text)) return false;
  rest_.remove_prefix(text.size());
  return true;
}

bool Arguments::number(std::uint32_t& value) {
  constexpr std::size_t kMostDigits = 8;
  const std::size_t given = std::min(rest_.size(), rest_.find_first_not_of("0123456789abcdefABCDEF"));
  if (given == 0 || given > kMostDigits) return false;
  std::from_chars(rest_.data(), rest_.data() + given, value, 16);
  rest_.remove_prefix(given);
  return true;
}

std::string_view Arguments::until(char separator) {
  const std::size_t end = rest_.find(separator);
  const std::string_view part = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  return part;
}

}  // namespace microvisor::board::gdb
