#include "cli/flash_view.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "cli/failure.hpp"

namespace microvisor::cli {

namespace fs = std::filesystem;

FlashView::FlashView(const fs::path& directory)
    : array_(map(directory / "flash.bin", board::kFlashSize)),
      state_(map(directory / "flash.state", sizeof(board::FlashState))) {}

FlashView::~FlashView() {
  for (const File& file : {array_, state_}) munmap(const_cast<std::uint8_t*>(file.bytes), file.size);
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

std::uint64_t FlashView::operations() const {
  return const_cast<const volatile std::uint64_t&>(state().jobs_begun);
}

firmware::image::JournalState FlashView::journal() const {
  // A copy, because the board goes on writing while the journal is read.
  const std::vector<std::uint8_t> bank2(array_.bytes + board::kFlashBankSize,
                                        array_.bytes + board::kFlashSize);
  std::vector<std::uint32_t> unreadable;
  constexpr std::uint32_t kFirstRow = board::kFlashBankSize / board::kFlashRowSize;
  for (std::uint32_t row = 0; row < kFirstRow; ++row) {
    const std::uint32_t index = kFirstRow + row;
    if ((state().bad_rows[index / 8] >> (index % 8) & 1) != 0) unreadable.push_back(row);
  }
  return firmware::image::read_update_journal(bank2, unreadable);
}

}  // namespace microvisor::cli
