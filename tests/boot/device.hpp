// A device as it leaves the factory, on the virtual board, whose flash a test may change before it is
// switched on.
//
// Everything the device runs is what the image builder embeds; nothing is stubbed. Lives on the test's
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "board/board.hpp"
#include "firmware/boot_status.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::tests {

/// More than any boot takes; a boot that needs this many instructions is stuck.
inline constexpr std::uint64_t kPlenty = 400'000'000;

/// Of the chip of every Device here.
inline constexpr std::uint64_t kDeviceSeed = 1;

[[nodiscard]] firmware::image::FlashImage factory_image();

class Device {
 public:
  Device();

  // Before power is switched on. Addresses are in bank 2, by the secure alias.
  void flip(std::uint32_t address, unsigned bit);
  void write(std::uint32_t address, std::span<const std::uint8_t> bytes);
  /// The row that holds `address` raises a double ECC error from now on.
  void spoil(std::uint32_t address);
  /// Programs the first rows of OTP.
  void program_ratchet(std::uint32_t rows);
  void burn_ratchet_row(std::uint32_t row);
  /// The row raises a double ECC error.
  void tear_ratchet_row(std::uint32_t row);
  /// From the start of the application's bank on.
  void write_application(std::span<const std::uint8_t> bytes);
  void write_nor(std::uint32_t offset, std::span<const std::uint8_t> bytes);

  /// Builds the board over the memories. Once.
  void switch_on();
  /// Switches on and runs until the bootrom has handed over to the kernel. False if the device stopped
  /// before; a line on stdout then says why.
  bool boots();
  /// Power off and on.
  void power_cycle();
  /// Runs so many instructions, or until nothing can happen any more.
  void run(std::uint64_t instructions);

  /// The bootrom's last act before it enters the kernel is to hide the boot stages:
  /// FLASH_SECHDPCR.HDP2_ACCDIS, which only a reset clears.
  [[nodiscard]] bool handed_over();
  /// A word as a debugger sees it.
  [[nodiscard]] std::uint32_t word(std::uint32_t address);
  [[nodiscard]] firmware::BootStatus status();
  /// What the bootrom has measured.
  [[nodiscard]] firmware::BootMeasurements measurements();
  [[nodiscard]] std::uint64_t instructions() const { return board_->statistics().instructions; }
  /// What the update journal says, read from outside.
  [[nodiscard]] firmware::image::JournalState journal();
  /// Cells of the application's bank.
  [[nodiscard]] std::span<const std::uint8_t> application_bank();
  [[nodiscard]] std::vector<std::uint8_t> read_nor(std::uint32_t offset, std::uint32_t size);
  /// Cells of Microvisor's bank.
  [[nodiscard]] std::span<const std::uint8_t> microvisor_bank();
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] board::RunEnd end() const { return end_; }

 private:
  [[nodiscard]] board::FlashCells& cells();
  /// Copies words as a debugger sees them.
  void read_words(std::uint32_t address, void* out, std::size_t size);

  board::BoardMemories memories_;
  std::unique_ptr<board::Board> board_;
  board::RunEnd end_ = board::RunEnd::Limit;
};

}  // namespace microvisor::tests
