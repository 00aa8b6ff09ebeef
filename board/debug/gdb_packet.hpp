// The line format of the GDB Remote Serial Protocol (GDB manual, appendix E.1): packets `$data#checksum`,
// acknowledgements '+' and '-', and the byte 0x03 for Ctrl-C.
//
// Pure: bytes in, packets out; nothing that comes over the line can make it hold more than kLargestPacket.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::board::gdb {

/// Bytes between '$' and '#', on the line, in either direction.
inline constexpr std::size_t kLargestPacket = 0x4000;

/// Cuts the bytes of a connection into packets.
class PacketReader {
 public:
  enum class Event : std::uint8_t {
    Packet,        ///< a whole packet, escapes resolved
    Damaged,       ///< checksum wrong, or too long
    Interrupt,     ///< Ctrl-C
    Acknowledged,  ///< '+'
    Refused,       ///< '-': the other side wants our last packet again
  };
  /// Calls `on_event` for everything that `bytes` completes. `data` is empty but for Packet.
  void take(std::string_view bytes, const std::function<void(Event, const std::string& data)>& on_event);

 private:
  enum class State : std::uint8_t { Between, Data, Escaped, FirstDigit, SecondDigit };
  [[nodiscard]] std::optional<Event> take_between(char byte);
  void add(char byte);
  [[nodiscard]] bool checksum_fits(char second_digit) const;

  State state_ = State::Between;
  std::string data_;
  std::size_t length_ = 0;  // on the line
  std::uint8_t sum_ = 0;
  char first_digit_ = 0;
};

/// `data` as a packet, with what must not stand in one escaped.
std::string make_packet(std::string_view data);

// --- pieces of packets ----------------------------------------------------------------------------------
std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_hex(std::string_view text);
/// Nothing if it is not an even number of hexadecimal digits.
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);
/// "l" or "m" and the part of `text` from `offset` on, at most `length` bytes (qXfer).
std::string window(std::string_view text, std::uint64_t offset, std::uint64_t length);

/// Reads the arguments of a packet from left to right. Every function leaves what it could not use.
class Arguments {
 public:
  explicit Arguments(std::string_view text) : rest_(text) {}
  /// Takes this text off the front.
  bool literal(std::string_view text);
  /// Takes a hexadecimal number of at most 8 digits.
  bool number(std::uint32_t& value);
  /// Takes everything up to `separator` (which is taken too), or all of it.
  std::string_view until(char separator);
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace microvisor::board::gdb
