#include "board/memory/flash_cells.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

namespace microvisor::board {
namespace {

constexpr std::array<std::uint8_t, kFlashRowSize> kErasedRow = [] {
  std::array<std::uint8_t, kFlashRowSize> row{};
  row.fill(0xFF);
  return row;
}();

/// Keeps the compiler from moving stores over the point where the note is written or taken away. Stores of
/// one thread reach the page cache in program order, so nothing more is needed against the death of the
/// process.
void order_stores() { std::atomic_signal_fence(std::memory_order_seq_cst); }

// What a cut leaves of a row, in sixteenths (a choice within RM0456 7.3.11, "contents are not guaranteed").
constexpr unsigned kUntouched = 4;   // as before
constexpr unsigned kFinished = 3;    // as intended
constexpr unsigned kMixedValid = 1;  // a mixture that happens to pass ECC
// the other eight: a mixture with a double error

}  // namespace

FlashCells::FlashCells(std::span<std::uint8_t> array, std::span<std::uint8_t> otp,
                       std::span<std::uint8_t> state, std::uint64_t seed)
    : array_(array), otp_(otp), state_(reinterpret_cast<FlashState*>(state.data())), seed_(seed) {
  if (array.size() != kFlashSize || otp.size() != kOtpSize || state.size() != sizeof(FlashState)) {
    throw std::logic_error("flash cells of the wrong size");
  }
}

std::uint8_t* FlashCells::cell_at(std::uint32_t cell) const {
  return cell < kFlashSize ? array_.data() + cell : otp_.data() + (cell - kOtpCells);
}

std::span<const std::uint8_t> FlashCells::row(std::uint32_t cell) const {
  return {cell_at(cell & ~(kFlashRowSize - 1)), kFlashRowSize};
}

bool FlashCells::erased(std::uint32_t cell) const {
  return !bad(cell) && std::ranges::equal(row(cell), kErasedRow);
}

bool FlashCells::bad(std::uint32_t cell) const {
  const std::uint32_t number = cell / kFlashRowSize;
  return (state_->bad_rows[number / 8] >> (number % 8) & 1) != 0;
}

bool FlashCells::any_bad(std::uint32_t cell, std::uint32_t size) const {
  const std::uint32_t first = cell / kFlashRowSize;
  const std::uint32_t end = (cell + size + kFlashRowSize - 1) / kFlashRowSize;
  for (std::uint32_t number = first; number < end;) {
    if (number % 8 == 0 && number + 8 <= end) {
      if (state_->bad_rows[number / 8] != 0) return true;
      number += 8;
    } else {
      if (bad(number * kFlashRowSize)) return true;
      ++number;
    }
  }
  return false;
}

std::uint32_t FlashCells::erases(unsigned bank, unsigned page) const {
  return state_->erases[bank * kFlashPagesPerBank + page];
}

void FlashCells::mark_bad(std::uint32_t cell, bool is_bad) {
  const std::uint32_t number = cell / kFlashRowSize;
  const auto bit = static_cast<std::uint8_t>(1U << (number % 8));
  std::uint8_t& byte = state_->bad_rows[number / 8];
  byte = static_cast<std::uint8_t>(is_bad ? byte | bit : byte & ~bit);
}

void FlashCells::begin(const FlashJob& job) {
  ++state_->jobs_begun;
  state_->job.address = job.address;
  state_->job.size = job.size;
  state_->job.data = job.data;
  order_stores();
  state_->job.operation = job.operation;
  order_stores();
}

void FlashCells::begin_options(const OptionBytes& incoming) {
  state_->incoming_options = incoming;
  begin({.operation = FlashOperation::Options});
}

void FlashCells::complete() {
  const FlashJob& job = state_->job;
  switch (job.operation) {
    case FlashOperation::None: return;
    case FlashOperation::QuadWord:
    case FlashOperation::Burst:
      for (std::uint32_t done = 0; done < job.size; done += kFlashRowSize) {
        program_row(job.address + done, job.data.data() + done);
      }
      break;
    case FlashOperation::PageErase:
    case FlashOperation::BankErase:
    case FlashOperation::MassErase: erase_cells(job.address, job.size); break;
    case FlashOperation::Options: state_->options = state_->incoming_options; break;
  }
  order_stores();
  state_->job.operation = FlashOperation::None;
  order_stores();
}

void FlashCells::cut_off() {
  const FlashJob job = state_->job;
  if (job.operation == FlashOperation::None) return;
  random_state_ = seed_ ^ (state_->jobs_begun * 0x9E37'79B9'7F4A'7C15U);
  if (job.operation == FlashOperation::Options) {
    // The chip keeps each option word with its complement and falls back to the old one: all or nothing.
    if ((random() & 1) != 0) state_->options = state_->incoming_options;
  } else {
    const bool programming =
        job.operation == FlashOperation::QuadWord || job.operation == FlashOperation::Burst;
    for (std::uint32_t done = 0; done < job.size; done += kFlashRowSize) {
      tear_row(job.address + done, programming ? job.data.data() + done : kErasedRow.data());
    }
  }
  state_->cut = job;
  ++state_->cuts;
  order_stores();
  state_->job.operation = FlashOperation::None;
  order_stores();
}

void FlashCells::power_on() { cut_off(); }

void FlashCells::load(std::uint32_t cell, std::span<const std::uint8_t> bytes) {
  std::memcpy(cell_at(cell), bytes.data(), bytes.size());
  for (std::size_t done = 0; done < bytes.size(); done += kFlashRowSize) {
    mark_bad(cell + static_cast<std::uint32_t>(done), false);
  }
}

void FlashCells::erase_cells(std::uint32_t cell, std::uint32_t size) {
  std::memset(cell_at(cell), 0xFF, size);
  for (std::uint32_t done = 0; done < size; done += kFlashRowSize) mark_bad(cell + done, false);
  for (std::uint32_t page = cell / kFlashPageSize; page < (cell + size) / kFlashPageSize; ++page) {
    ++state_->erases[page];
  }
}

void FlashCells::program_row(std::uint32_t cell, const std::uint8_t* data) {
  std::memcpy(cell_at(cell), data, kFlashRowSize);
  mark_bad(cell, false);
}

void FlashCells::tear_row(std::uint32_t cell, const std::uint8_t* target) {
  std::uint8_t* bytes = cell_at(cell);
  const auto die = static_cast<unsigned>(random() & 15);
  if (die < kUntouched) return;
  if (die < kUntouched + kFinished) {
    program_row(cell, target);
    return;
  }
  // Each bit that had to change may or may not have.
  for (std::uint32_t index = 0; index < kFlashRowSize; ++index) {
    const auto keep = static_cast<std::uint8_t>(random() >> 24);
    bytes[index] = static_cast<std::uint8_t>((bytes[index] & keep) | (target[index] & ~keep));
  }
  mark_bad(cell, die >= kUntouched + kFinished + kMixedValid);
}

std::uint64_t FlashCells::random() {
  // SplitMix64 (Steele, Lea, Flood 2014): one multiplication-shift chain a number, any seed will do.
  std::uint64_t mixed = random_state_ += 0x9E37'79B9'7F4A'7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBU;
  return mixed ^ (mixed >> 31);
}

}  // namespace microvisor::board
