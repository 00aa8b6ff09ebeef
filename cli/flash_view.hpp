// A look at a board directory from outside, also while another process runs the board.
//
// Maps the files read-only: it sees what the chip's flash holds at this instant, and what it would hold after
// a power cut.
#pragma once

#include <cstdint>
#include <filesystem>

#include "board/memory/flash_cells.hpp"
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
  /// Flash operations that a power cut or reset has ended so far.
  [[nodiscard]] std::uint32_t cuts() const { return state().cuts; }

 private:
  struct File {
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
  };
  static File map(const std::filesystem::path& file, std::size_t at_least);
  [[nodiscard]] const board::FlashState& state() const;

  File array_, state_;
};

}  // namespace microvisor::cli
