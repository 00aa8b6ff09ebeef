// Shared read-only mappings of flash.bin and flash.state, which the process that runs the board writes.
#include "cli/flash_view.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <array>
#include <bit>
#include <vector>

#include "cli/failure.hpp"

namespace microvisor::cli {

namespace fs = std::filesystem;

FlashView::FlashView(const fs::path& directory)
    : array_(map(directory / "flash.bin", board::kFlashSize)),
      state_(map(directory / "flash.state", sizeof(board::FlashState))),
      nor_state_(map(directory / "nor.state", sizeof(board::NorState))) {
  const bool flash_good =
      state().magic == board::FlashState::kMagic && state().format == board::FlashState::kFormat;
  const bool nor_good =
      nor_state().magic == board::NorState::kMagic && nor_state().format == board::NorState::kFormat;
  if (!flash_good || !nor_good) throw Failure(directory.string() + ": not a board of this version");
}

FlashView::~FlashView() {
  for (const File& file : {array_, state_, nor_state_})
    munmap(const_cast<std::uint8_t*>(file.bytes), file.size);
}

FlashView::File FlashView::map(const fs::path& file, std::size_t at_least) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw Failure(file.string() + ": not there; is this a board directory?");
  struct stat status {};
  fstat(descriptor, &status);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* bytes = size < at_least ? MAP_FAILED : mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (bytes == MAP_FAILED) throw Failure(file.string() + ": not a file of a whole board");
  return {static_cast<const std::uint8_t*>(bytes), size};
}

const board::FlashState& FlashView::state() const {
  return *reinterpret_cast<const board::FlashState*>(state_.bytes);
}

const board::NorState& FlashView::nor_state() const {
  return *reinterpret_cast<const board::NorState*>(nor_state_.bytes);
}

std::uint64_t FlashView::nor_operations() const {
  return const_cast<const volatile std::uint64_t&>(nor_state().jobs_begun);
}

std::string FlashView::last_cut() const {
  static constexpr std::array<const char*, 7> kNames = {
      "", "row", "burst", "page erase", "bank erase", "mass erase", "option bytes"};
  const board::FlashJob& cut = state().cut;
  const auto kind = static_cast<std::size_t>(cut.operation);
  return kind == 0 || kind >= kNames.size() ? std::string()
                                            : fmt::format("{} at cell 0x{:x}", kNames[kind], cut.address);
}

std::string FlashView::last_nor_cut() const {
  static constexpr std::array<const char*, 4> kNames = {"", "page program", "erase", "registers"};
  const board::NorJob& cut = nor_state().cut;
  const auto kind = static_cast<std::size_t>(cut.operation);
  return kind == 0 || kind >= kNames.size() ? std::string()
                                            : fmt::format("{} at 0x{:x}", kNames[kind], cut.address);
}

FlashView::Wear FlashView::wear_of(std::span<const std::uint32_t> erases) {
  Wear wear;
  for (std::size_t place = 0; place < erases.size(); ++place) {
    wear.total += erases[place];
    if (erases[place] <= wear.highest) continue;
    wear.highest = erases[place];
    wear.place = place;
  }
  return wear;
}

FlashView::Rows FlashView::rows() const {
  Rows rows;
  for (std::size_t index = 0; index < state().bad_rows.size(); ++index) {
    const unsigned bad = state().bad_rows[index], weak = state().weak_rows[index];
    rows.bad += static_cast<std::uint32_t>(std::popcount(bad & ~weak));
    rows.corrected += static_cast<std::uint32_t>(std::popcount(weak & ~bad));
    rows.unstable += static_cast<std::uint32_t>(std::popcount(bad & weak));
  }
  return rows;
}

std::uint64_t FlashView::operations() const {
  return const_cast<const volatile std::uint64_t&>(state().jobs_begun);
}

std::uint64_t FlashView::changes() const {
  // An operation changes the cells when it ends.
  const auto running = const_cast<const volatile board::FlashOperation&>(state().job.operation);
  return 2 * operations() + (running == board::FlashOperation::None ? 1 : 0);
}

firmware::image::JournalState FlashView::journal() const {
  std::vector<std::uint32_t> unreadable;
  constexpr std::uint32_t kFirstRow = board::kFlashBankSize / board::kFlashRowSize;
  for (std::uint32_t row = 0; row < kFirstRow; ++row) {
    const std::uint32_t index = kFirstRow + row;
    if ((state().bad_rows[index / 8] >> (index % 8) & 1) != 0) unreadable.push_back(row);
  }
  return firmware::image::read_update_journal({array_.bytes + board::kFlashBankSize, board::kFlashBankSize},
                                              unreadable);
}

}  // namespace microvisor::cli
