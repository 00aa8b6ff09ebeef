// What is known of the application's memory without asking the device.
//
// Flash is the installed image and stays for the whole session; everything else only while the application is
// halted. Peripherals are never kept: reading them may change them. Addresses as the application has them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace microvisor::cli::debug {

/// A piece of the address space that the debugger may have.
struct MemoryRange {
  enum class Kind : std::uint8_t { Flash, Ram, Peripheral };
  std::uint32_t first = 0;
  std::uint32_t size = 0;
  Kind kind{};
  [[nodiscard]] bool contains(std::uint32_t address) const { return address - first < size; }
  /// Bytes from `address` to its end.
  [[nodiscard]] std::uint32_t rest(std::uint32_t address) const { return size - (address - first); }
};

/// Those of an application on an STM32U585 (RM0456 section 2.3, less what is Microvisor's).
[[nodiscard]] std::span<const MemoryRange> application_memory();
[[nodiscard]] const MemoryRange* range_of(std::uint32_t address);

class MemoryCache {
 public:
  static constexpr std::uint32_t kLine = 32;

  /// Bytes that the device has told.
  void put(std::uint32_t address, std::span<const std::uint8_t> bytes);
  /// What has been written there by us.
  void overwrite(std::uint32_t address, std::span<const std::uint8_t> bytes);
  /// All of it, or nothing.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> get(std::uint32_t address, std::uint32_t size) const;
  /// The first of `size` bytes from `address` on that is not known; nothing: all are.
  [[nodiscard]] std::optional<std::uint32_t> first_unknown(std::uint32_t address, std::uint32_t size) const;
  /// The application goes on: only flash is still what it was.
  void forget_ram();
  void forget_all() { lines_.clear(); }

 private:
  struct Line {
    std::array<std::uint8_t, kLine> bytes{};
    std::uint32_t known = 0;  // bit n: byte n
  };
  std::map<std::uint32_t, Line> lines_;  // by address / kLine
};

}  // namespace microvisor::cli::debug
