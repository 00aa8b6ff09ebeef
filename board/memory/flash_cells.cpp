#include "board/memory/flash_cells.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "board/memory/random_bits.hpp"

namespace microvisor::board {

/// What a cut leaves of a row, in sixteenths; the rest is a mixture of old and new bits with a double error.
struct LeftoverOdds {
  unsigned untouched;  ///< as before
  unsigned finished;   ///< as intended
  unsigned corrected;  ///< as intended, but one bit has to be corrected
  unsigned mixed;      ///< a mixture that happens to pass ECC
  unsigned unstable;   ///< half of them look as intended, half are mixtures
};

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

// A choice within RM0456 7.3.11, "contents are not guaranteed". Erasing moves all cells slowly together, so
// it leaves more of them in between.
constexpr LeftoverOdds kProgramOdds{.untouched = 4, .finished = 2, .corrected = 1, .mixed = 1, .unstable = 2};
constexpr LeftoverOdds kEraseOdds{.untouched = 2, .finished = 3, .corrected = 1, .mixed = 1, .unstable = 5};

// How an unstable row answers, in sixteenths; the rest of the readings are good.
constexpr unsigned kUnstableDetected = 8;   // a double error, some bits turned round
constexpr unsigned kUnstableCorrected = 4;  // a single error, corrected

CellOperation operation_of(const FlashJob& job) {
  const bool erases = job.operation == FlashOperation::PageErase ||
                      job.operation == FlashOperation::BankErase ||
                      job.operation == FlashOperation::MassErase;
  return {.memory = CellMemory::Flash, .address = job.address, .size = job.size, .erases = erases};
}

bool bit_of(std::span<const std::uint8_t> bits, std::uint32_t number) {
  return (bits[number / 8] >> (number % 8) & 1) != 0;
}

void set_bit(std::span<std::uint8_t> bits, std::uint32_t number, bool value) {
  const auto mask = static_cast<std::uint8_t>(1U << (number % 8));
  bits[number / 8] = static_cast<std::uint8_t>(value ? bits[number / 8] | mask : bits[number / 8] & ~mask);
}

}  // namespace

FlashCells::FlashCells(std::span<std::uint8_t> array, std::span<std::uint8_t> otp,
                       std::span<std::uint8_t> state, MemorySupply& supply, std::uint64_t seed)
    : array_(array),
      otp_(otp),
      state_(reinterpret_cast<FlashState*>(state.data())),
      supply_(supply),
      seed_(seed) {
  if (array.size() != kFlashSize || otp.size() != kOtpSize || state.size() != sizeof(FlashState)) {
    throw std::logic_error("flash cells of the wrong size");
  }
  for (std::uint32_t row = 0; row < FlashState::kRows; ++row) {
    if (row_state(row * kFlashRowSize) != RowState::Good) ++flawed_rows_;
  }
}

std::uint8_t* FlashCells::cell_at(std::uint32_t cell) const {
  return cell < kFlashSize ? array_.data() + cell : otp_.data() + (cell - kOtpCells);
}

std::span<const std::uint8_t> FlashCells::row(std::uint32_t cell) const {
  return {cell_at(cell & ~(kFlashRowSize - 1)), kFlashRowSize};
}

RowReading FlashCells::read(std::uint32_t cell) {
  RowReading reading;
  std::ranges::copy(row(cell), reading.data.begin());
  const RowState state = row_state(cell);
  if (state == RowState::Bad) reading.ecc = EccResult::Detected;
  if (state == RowState::Corrected) reading.ecc = EccResult::Corrected;
  if (state != RowState::Unstable) return reading;
  RandomBits random(seed_ ^ cell / kFlashRowSize, ++state_->unstable_readings);
  const std::uint64_t die = random.below(16);
  if (die < kUnstableDetected) {
    reading.ecc = EccResult::Detected;
    for (std::uint8_t& byte : reading.data) {
      byte = static_cast<std::uint8_t>(byte ^ (random.next() & random.next() & random.next()));
    }
  } else if (die < kUnstableDetected + kUnstableCorrected) {
    reading.ecc = EccResult::Corrected;
  }
  return reading;
}

RowState FlashCells::row_state(std::uint32_t cell) const {
  const std::uint32_t number = cell / kFlashRowSize;
  const unsigned detected = bit_of(state_->bad_rows, number) ? 1 : 0;
  const unsigned corrected = bit_of(state_->weak_rows, number) ? 2 : 0;
  return static_cast<RowState>(detected | corrected);
}

bool FlashCells::erased(std::uint32_t cell) const {
  return row_state(cell) == RowState::Good && std::ranges::equal(row(cell), kErasedRow);
}

bool FlashCells::bad(std::uint32_t cell) const { return bit_of(state_->bad_rows, cell / kFlashRowSize); }

bool FlashCells::any_flawed(std::uint32_t cell, std::uint32_t size) const {
  if (flawed_rows_ == 0) return false;
  const std::uint32_t first = cell / kFlashRowSize;
  const std::uint32_t end = (cell + size + kFlashRowSize - 1) / kFlashRowSize;
  for (std::uint32_t number = first; number < end;) {
    if (number % 8 == 0 && number + 8 <= end) {
      if ((state_->bad_rows[number / 8] | state_->weak_rows[number / 8]) != 0) return true;
      number += 8;
    } else {
      if (row_state(number * kFlashRowSize) != RowState::Good) return true;
      ++number;
    }
  }
  return false;
}

std::uint32_t FlashCells::erases(unsigned bank, unsigned page) const {
  return state_->erases[bank * kFlashPagesPerBank + page];
}

void FlashCells::mark(std::uint32_t cell, RowState state) {
  const std::uint32_t number = cell / kFlashRowSize;
  if (row_state(cell) != RowState::Good) --flawed_rows_;
  if (state != RowState::Good) ++flawed_rows_;
  set_bit(state_->bad_rows, number, (static_cast<unsigned>(state) & 1) != 0);
  set_bit(state_->weak_rows, number, (static_cast<unsigned>(state) & 2) != 0);
}

void FlashCells::begin(const FlashJob& job) {
  if (!supply_.reach(operation_of(job), OperationMoment::Before)) return;
  ++state_->jobs_begun;
  state_->job.address = job.address;
  state_->job.size = job.size;
  state_->job.data = job.data;
  order_stores();
  state_->job.operation = job.operation;
  order_stores();
  // Whether there is power to go on shows when the operation wants to complete.
  (void)supply_.reach(operation_of(job), OperationMoment::Torn);
}

void FlashCells::begin_options(const OptionBytes& incoming) {
  state_->incoming_options = incoming;
  begin({.operation = FlashOperation::Options});
}

void FlashCells::complete() {
  const FlashJob& job = state_->job;
  if (!supply_.on() || job.operation == FlashOperation::None) return;
  const CellOperation operation = operation_of(job);
  switch (job.operation) {
    case FlashOperation::None: break;
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
  (void)supply_.reach(operation, OperationMoment::After);
}

void FlashCells::cut_off() {
  const FlashJob job = state_->job;
  if (job.operation == FlashOperation::None) return;
  RandomBits random(seed_, state_->jobs_begun);
  if (job.operation == FlashOperation::Options) {
    // The chip keeps each option word with its complement and falls back to the old one: all or nothing.
    if (random.below(2) != 0) state_->options = state_->incoming_options;
  } else {
    const bool programming =
        job.operation == FlashOperation::QuadWord || job.operation == FlashOperation::Burst;
    for (std::uint32_t done = 0; done < job.size; done += kFlashRowSize) {
      tear_row(job.address + done, programming ? job.data.data() + done : kErasedRow.data(),
               programming ? kProgramOdds : kEraseOdds, random);
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
    mark(cell + static_cast<std::uint32_t>(done), RowState::Good);
  }
}

void FlashCells::erase_cells(std::uint32_t cell, std::uint32_t size) {
  std::memset(cell_at(cell), 0xFF, size);
  for (std::uint32_t done = 0; done < size; done += kFlashRowSize) mark(cell + done, RowState::Good);
  for (std::uint32_t page = cell / kFlashPageSize; page < (cell + size) / kFlashPageSize; ++page) {
    ++state_->erases[page];
  }
}

void FlashCells::program_row(std::uint32_t cell, const std::uint8_t* data) {
  std::memcpy(cell_at(cell), data, kFlashRowSize);
  mark(cell, RowState::Good);
}

void FlashCells::tear_row(std::uint32_t cell, const std::uint8_t* target, const LeftoverOdds& odds,
                          RandomBits& random) {
  // The first band of the die that the throw falls into decides.
  auto die = static_cast<unsigned>(random.below(16));
  const auto falls_in = [&die](unsigned width) {
    const bool inside = die < width;
    if (!inside) die -= width;
    return inside;
  };
  if (falls_in(odds.untouched)) return;
  RowState state = RowState::Bad;
  bool as_intended = true;
  if (falls_in(odds.finished)) {
    state = RowState::Good;
  } else if (falls_in(odds.corrected)) {
    state = RowState::Corrected;
  } else if (falls_in(odds.mixed)) {
    state = RowState::Good;
    as_intended = false;
  } else if (falls_in(odds.unstable)) {
    state = RowState::Unstable;
    as_intended = random.below(2) == 0;
  } else {
    as_intended = false;
  }
  std::uint8_t* bytes = cell_at(cell);
  for (std::uint32_t index = 0; index < kFlashRowSize; ++index) {
    // In a mixture each bit that had to change may or may not have.
    const auto keep = as_intended ? std::uint8_t{0} : static_cast<std::uint8_t>(random.next() >> 24);
    bytes[index] = static_cast<std::uint8_t>((bytes[index] & keep) | (target[index] & ~keep));
  }
  mark(cell, state);
}

}  // namespace microvisor::board
