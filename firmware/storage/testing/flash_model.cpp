// Half-done operations are drawn from the supply's random numbers, so that a CutId names exactly one outcome.
#include "firmware/storage/testing/flash_model.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "firmware/layout.hpp"

namespace microvisor::firmware::storage::testing {

namespace {

constexpr std::uint32_t kBankSize = kPagesPerBank * kPageSize;
constexpr std::uint32_t kRowsPerPage = kPageSize / kRowSize;

}  // namespace

FlashModel::FlashModel(PowerSupply& power)
    : power_(power),
      bytes_(2 * kBankSize, 0xFF),
      states_(2 * kBankSize / kRowSize, State::Erased),
      erase_counts_(2 * kPagesPerBank, 0) {}

FlashModel::FlashModel(const FlashModel& other, PowerSupply& power)
    : power_(power), bytes_(other.bytes_), states_(other.states_), erase_counts_(other.erase_counts_) {}

std::uint32_t FlashModel::offset_of(std::uint32_t address) {
  if (address >= kApplicationFlash && address < kApplicationFlash + kBankSize)
    return address - kApplicationFlash;
  if (address >= kMicrovisorFlash && address < kMicrovisorFlash + kBankSize) {
    return kBankSize + address - kMicrovisorFlash;
  }
  throw std::out_of_range("flash access outside of both banks");
}

void FlashModel::store(std::uint32_t row_index, const Row& row, State state) {
  std::memcpy(bytes_.data() + row_index * kRowSize, row.data(), kRowSize);
  states_[row_index] = state;
}

FlashStatus FlashModel::read_row(std::uint32_t address, Row& row) {
  if (address % kRowSize != 0) throw std::invalid_argument("unaligned row");
  const std::uint32_t index = offset_of(address) / kRowSize;
  // A marginal row fails one read in four, and for good once it has failed.
  if (states_[index] == State::Flaky && power_.random()() % 4 == 0) states_[index] = State::Unreadable;
  if (states_[index] == State::Unreadable) {
    row.fill(0xA5);
    return FlashStatus::Unreadable;
  }
  std::memcpy(row.data(), bytes_.data() + index * kRowSize, kRowSize);
  return FlashStatus::Ok;
}

bool FlashModel::programmable(std::uint32_t row_index, const Row& row) const {
  const bool all_zero = std::all_of(row.begin(), row.end(), [](std::uint8_t byte) { return byte == 0; });
  return states_[row_index] == State::Erased || all_zero;
}

void FlashModel::tear_row(std::uint32_t row_index, const Row& wanted) {
  Row mixed;
  std::memcpy(mixed.data(), bytes_.data() + row_index * kRowSize, kRowSize);
  auto& random = power_.random();
  switch (random() % 6) {
    case 0: return;                                               // nothing happened yet
    case 1: store(row_index, wanted, State::Programmed); return;  // it was done after all
    case 2: store(row_index, wanted, State::Flaky); return;       // nearly
    case 3: store(row_index, mixed, State::Programmed); return;   // looks as before, but takes no programming
    default: break;
  }
  for (std::size_t i = 0; i < kRowSize; ++i) {
    const auto bits = static_cast<std::uint8_t>(random());
    mixed[i] = static_cast<std::uint8_t>((wanted[i] & bits) | (mixed[i] & ~bits));
  }
  store(row_index, mixed, random() % 2 == 0 ? State::Unreadable : State::Programmed);
}

FlashStatus FlashModel::program_row(std::uint32_t address, const Row& row) {
  if (address % kRowSize != 0) throw std::invalid_argument("unaligned row");
  const std::uint32_t index = offset_of(address) / kRowSize;
  const bool cut = power_.fails_now();
  if (!programmable(index, row)) {
    if (cut) throw PowerCut{};
    return FlashStatus::Failed;
  }
  if (cut) {
    tear_row(index, row);
    throw PowerCut{};
  }
  store(index, row, State::Programmed);
  return FlashStatus::Ok;
}

FlashStatus FlashModel::program_burst(std::uint32_t address, std::span<const std::uint8_t, 128> data) {
  if (address % data.size() != 0) throw std::invalid_argument("unaligned burst");
  const std::uint32_t first = offset_of(address) / kRowSize;
  const std::uint32_t count = static_cast<std::uint32_t>(data.size()) / kRowSize;
  const bool cut = power_.fails_now();
  const std::uint32_t torn = cut ? power_.random()() % count : count;
  for (std::uint32_t i = 0; i < count; ++i) {
    Row row;
    std::memcpy(row.data(), data.data() + i * kRowSize, kRowSize);
    if (!programmable(first + i, row)) return FlashStatus::Failed;
    if (i == torn) {
      tear_row(first + i, row);
      throw PowerCut{};
    }
    store(first + i, row, State::Programmed);
  }
  return FlashStatus::Ok;
}

FlashStatus FlashModel::erase_page(std::uint32_t address) {
  if (address % kPageSize != 0) throw std::invalid_argument("not the start of a page");
  const std::uint32_t first = offset_of(address) / kRowSize;
  ++erase_counts_[first / kRowsPerPage];
  const bool cut = power_.fails_now();
  Row blank;
  blank.fill(0xFF);
  auto& random = power_.random();
  const unsigned style = cut ? random() % 4 : 0;
  for (std::uint32_t row = first; row < first + kRowsPerPage; ++row) {
    if (!cut) {
      store(row, blank, State::Erased);
      continue;
    }
    // Cut off: nothing yet, all looks blank but is not, or every row by itself.
    if (style == 0) break;
    if (style == 1) store(row, blank, State::Programmed);
    if (style >= 2 && random() % 2 == 0) tear_row(row, blank);
  }
  if (cut) throw PowerCut{};
  return FlashStatus::Ok;
}

void FlashModel::spoil(std::uint32_t address) { states_[offset_of(address) / kRowSize] = State::Unreadable; }

std::span<std::uint8_t> FlashModel::bytes(std::uint32_t address, std::uint32_t size) {
  return std::span(bytes_).subspan(offset_of(address), size);
}

// ---- NOR
// -------------------------------------------------------------------------------------------------------------

NorModel::NorModel(PowerSupply& power, std::uint32_t size) : power_(power), bytes_(size, 0xFF) {}

NorModel::NorModel(const NorModel& other, PowerSupply& power) : power_(power), bytes_(other.bytes_) {}

bool NorModel::read(std::uint32_t offset, std::span<std::uint8_t> out) {
  if (!connected_ || offset + out.size() > bytes_.size()) return false;
  std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return true;
}

bool NorModel::program(std::uint32_t offset, std::span<const std::uint8_t> data) {
  if (data.size() > kNorPageSize - offset % kNorPageSize)
    throw std::invalid_argument("programming wraps in the page");
  if (!connected_) return false;
  const bool cut = power_.fails_now();
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto kept = static_cast<std::uint8_t>(cut ? power_.random()() : 0);
    bytes_[offset + i] &= static_cast<std::uint8_t>(data[i] | kept);
  }
  if (cut) throw PowerCut{};
  return true;
}

bool NorModel::erase_sector(std::uint32_t offset) {
  if (offset % kNorSectorSize != 0) throw std::invalid_argument("not the start of a sector");
  if (!connected_) return false;
  const bool cut = power_.fails_now();
  for (std::uint32_t i = 0; i < kNorSectorSize; ++i) {
    const auto set = static_cast<std::uint8_t>(cut ? power_.random()() : 0xFF);
    bytes_[offset + i] |= set;
  }
  if (cut) throw PowerCut{};
  return true;
}

}  // namespace microvisor::firmware::storage::testing
