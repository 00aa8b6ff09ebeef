#include "firmware/image/intel_hex.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace microvisor::firmware::image {

namespace {

using Bytes = std::span<const std::uint8_t>;

enum Type : std::uint8_t { kData = 0, kEndOfFile = 1, kUpperAddress = 4, kStartAddress = 5 };
constexpr std::size_t kRecord = 16;  // bytes of data in the records that are written
constexpr std::size_t kFrame = 5;    // count, address, type, checksum

void append(std::string& text, std::uint16_t address, Type type, Bytes data) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::uint8_t sum = 0;
  const auto put = [&](std::uint8_t byte) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
    sum = static_cast<std::uint8_t>(sum + byte);
  };
  text += ':';
  put(static_cast<std::uint8_t>(data.size()));
  put(static_cast<std::uint8_t>(address >> 8));
  put(static_cast<std::uint8_t>(address));
  put(type);
  for (const std::uint8_t byte : data) put(byte);
  put(static_cast<std::uint8_t>(-sum));
  text += '\n';
}

[[noreturn]] void refuse(std::size_t line, const char* why) {
  throw std::invalid_argument("line " + std::to_string(line) + ": " + why);
}

/// The bytes of one record, checksum included.
std::vector<std::uint8_t> record_of(std::string_view line, std::size_t number) {
  if (line.empty() || line.front() != ':' || line.size() % 2 == 0) refuse(number, "not an Intel HEX record");
  std::vector<std::uint8_t> bytes((line.size() - 1) / 2);
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* digits = line.data() + 1 + 2 * i;
    if (std::from_chars(digits, digits + 2, bytes[i], 16).ptr != digits + 2)
      refuse(number, "not a hexadecimal number");
    sum = static_cast<std::uint8_t>(sum + bytes[i]);
  }
  if (bytes.size() < kFrame || bytes.size() != kFrame + bytes[0]) refuse(number, "a wrong length");
  if (sum != 0) refuse(number, "a wrong checksum");
  return bytes;
}

}  // namespace

std::string to_intel_hex(std::uint32_t address, Bytes bytes) {
  std::string text;
  std::uint32_t upper = ~0u;
  for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
    const Bytes data = bytes.subspan(at, std::min(kRecord, bytes.size() - at));
    if (std::all_of(data.begin(), data.end(), [](std::uint8_t byte) { return byte == 0xFF; })) continue;
    const std::uint32_t place = address + static_cast<std::uint32_t>(at);
    if (place >> 16 != upper) {
      upper = place >> 16;
      const std::uint8_t half[] = {static_cast<std::uint8_t>(upper >> 8), static_cast<std::uint8_t>(upper)};
      append(text, 0, kUpperAddress, half);
    }
    append(text, static_cast<std::uint16_t>(place), kData, data);
  }
  append(text, 0, kEndOfFile, {});
  return text;
}

std::vector<std::uint8_t> from_intel_hex(std::string_view text, std::uint32_t address, std::uint32_t size) {
  std::vector<std::uint8_t> bytes(size, 0xFF);
  std::uint32_t upper = 0;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::vector<std::uint8_t> record = record_of(line, ++number);
    const Bytes data = Bytes(record).subspan(4, record[0]);
    switch (record[3]) {
      case kEndOfFile: return bytes;
      case kStartAddress: break;
      case kUpperAddress:
        if (data.size() != 2) refuse(number, "a wrong length");
        upper = std::uint32_t{data[0]} << 24 | std::uint32_t{data[1]} << 16;
        break;
      case kData: {
        const std::uint32_t offset = (upper | std::uint32_t{record[1]} << 8 | record[2]) - address;
        if (offset > size || data.size() > size - offset) refuse(number, "an address outside of the memory");
        std::copy(data.begin(), data.end(), bytes.begin() + offset);
        break;
      }
      default: refuse(number, "a type of record that is not used here");
    }
  }
  throw std::invalid_argument("the record at the end is missing");
}

}  // namespace microvisor::firmware::image
