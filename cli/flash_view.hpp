// A look at a board directory from outside, also while another process runs the board.
//
// Maps the files read-only: it sees what the chip's flash holds at this instant, and what it would hold after
// a power cut.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "board/memory/flash_cells.hpp"
#include "board/memory/nor_cells.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// Throws Failure if the directory is no board. Owned by one thread.
class FlashView {
 public:
  explicit FlashView(const std::filesystem::path& directory);
  ~FlashView();
  FlashView(const FlashView&) = delete;
  FlashView& operator=(const FlashView&) = delete;

  /// The update journal as a device would read it that starts now.
  [[nodiscard]] firmware::image::JournalState journal() const;
  /// Flash operations begun since the board was made.
  [[nodiscard]] std::uint64_t operations() const;
  /// A number that is another one when the flash may hold something else.
  [[nodiscard]] std::uint64_t changes() const;
  /// Flash operations that a power cut or reset has ended so far.
  [[nodiscard]] std::uint32_t cuts() const { return state().cuts; }
  /// The same of the NOR chip.
  [[nodiscard]] std::uint64_t nor_operations() const;
  [[nodiscard]] std::uint32_t nor_cuts() const { return nor_state().cuts; }
  /// What was being done when the power went, for people: "page erase at 0x12000"; empty if nothing ever was.
  [[nodiscard]] std::string last_cut() const;
  [[nodiscard]] std::string last_nor_cut() const;

  /// Erases of the most worn page or sector, and of all together.
  struct Wear {
    std::uint64_t total = 0;
    std::uint32_t highest = 0;
    std::size_t place = 0;  ///< page (bank 1 is 0 to 127) or sector with the most
  };
  [[nodiscard]] Wear wear() const { return wear_of(state().erases); }
  [[nodiscard]] Wear nor_wear() const { return wear_of(nor_state().erases); }
  /// Rows whose ECC does not simply fit, by what is wrong with them.
  struct Rows {
    std::uint32_t bad = 0, corrected = 0, unstable = 0;
  };
  [[nodiscard]] Rows rows() const;

 private:
  struct File {
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
  };
  static File map(const std::filesystem::path& file, std::size_t at_least);
  static Wear wear_of(std::span<const std::uint32_t> erases);
  [[nodiscard]] const board::FlashState& state() const;
  [[nodiscard]] const board::NorState& nor_state() const;

  File array_, state_, nor_state_;
};

}  // namespace microvisor::cli
