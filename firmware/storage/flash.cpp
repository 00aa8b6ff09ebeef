// What every flash does alike.
#include "firmware/storage/flash.hpp"

#include <algorithm>
#include <cstring>

namespace microvisor::firmware::storage {

FlashStatus Flash::program_burst(std::uint32_t address, std::span<const std::uint8_t, 128> data) {
  for (std::uint32_t at = 0; at < data.size(); at += kRowSize) {
    Row row;
    std::memcpy(row.data(), data.data() + at, kRowSize);
    if (is_blank(row)) continue;
    const FlashStatus status = program_row(address + at, row);
    if (status != FlashStatus::Ok) return status;
  }
  return FlashStatus::Ok;
}

FlashStatus Flash::read(std::uint32_t address, std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint32_t at = address + static_cast<std::uint32_t>(done);
    Row row;
    const FlashStatus status = read_row(at & ~(kRowSize - 1), row);
    if (status != FlashStatus::Ok) return status;
    const std::size_t skip = at % kRowSize;
    const std::size_t count = std::min<std::size_t>(kRowSize - skip, out.size() - done);
    std::memcpy(out.data() + done, row.data() + skip, count);
    done += count;
  }
  return FlashStatus::Ok;
}

bool is_blank(const Row& row) {
  return std::all_of(row.begin(), row.end(), [](std::uint8_t byte) { return byte == 0xFF; });
}

}  // namespace microvisor::firmware::storage
