// What the pure logic (vault, update) sees of the internal flash and of the external NOR flash.
//
// The rule behind all formats: a power cut may leave the row or page that was being written in any state,
// including one that raises an ECC error when read (RM0456 sections 7.3.11, 7.3.12). So every read can fail
// for a single row, and no caller may take that for the end of the world.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::storage {

inline constexpr std::uint32_t kRowSize = 16;  // a quad-word: the unit of programming and of ECC

enum class FlashStatus : std::uint8_t {
  Ok,
  Unreadable,  ///< the row has a double ECC error
  Failed,      ///< the controller refused or reported an error
};

using Row = std::array<std::uint8_t, kRowSize>;

/// The internal flash. Addresses are those of the memory map: bank 2 at its secure alias, the application's
/// bank 1 at its non-secure one. Device: drivers::InternalFlash; tests: storage::FlashModel.
class Flash {
 public:
  /// Reads the row at `address` (a multiple of 16). Unreadable leaves `row` undefined.
  [[nodiscard]] virtual FlashStatus read_row(std::uint32_t address, Row& row) = 0;
  /// Programs one erased row. Programming a row that is not erased is Failed.
  [[nodiscard]] virtual FlashStatus program_row(std::uint32_t address, const Row& row) = 0;
  /// Erases the 8 KiB page that begins at `address`.
  [[nodiscard]] virtual FlashStatus erase_page(std::uint32_t address) = 0;
  /// Programs 128 bytes (8 erased rows) at a multiple of 128; faster than row by row where the hardware can.
  [[nodiscard]] virtual FlashStatus program_burst(std::uint32_t address,
                                                  std::span<const std::uint8_t, 128> data);

  /// Reads any stretch; Unreadable if one of its rows is.
  [[nodiscard]] virtual FlashStatus read(std::uint32_t address, std::span<std::uint8_t> out);
  /// The bytes where they lie, for reading in place; empty if that cannot be. Only for rows that have been
  /// read since the start without an error: on the device an ECC error found in this way is fatal.
  [[nodiscard]] virtual std::span<const std::uint8_t> in_place(std::uint32_t /*address*/,
                                                               std::uint32_t /*size*/) {
    return {};
  }

 protected:
  ~Flash() = default;
};

inline constexpr std::uint32_t kNorPageSize = 256;
inline constexpr std::uint32_t kNorSectorSize = 4096;

/// The external NOR flash. Offsets count from its start. Program only turns ones into zeros.
/// Device: drivers::NorFlash; tests: storage::NorModel.
class Nor {
 public:
  [[nodiscard]] virtual bool read(std::uint32_t offset, std::span<std::uint8_t> out) = 0;
  /// At most 256 bytes that do not cross a page boundary.
  [[nodiscard]] virtual bool program(std::uint32_t offset, std::span<const std::uint8_t> data) = 0;
  /// Erases the 4 KiB sector that begins at `offset`.
  [[nodiscard]] virtual bool erase_sector(std::uint32_t offset) = 0;
  [[nodiscard]] virtual std::uint32_t size() const = 0;

 protected:
  ~Nor() = default;
};

[[nodiscard]] bool is_blank(const Row& row);

}  // namespace microvisor::firmware::storage
