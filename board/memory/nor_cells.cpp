#include "board/memory/nor_cells.hpp"

#include <atomic>
#include <stdexcept>
#include <utility>

#include "board/memory/random_bits.hpp"

namespace microvisor::board {
namespace {

/// As in FlashCells: the note is written before, and taken away after, what it speaks of.
void order_stores() { std::atomic_signal_fence(std::memory_order_seq_cst); }

CellOperation operation_of(const NorJob& job) {
  return {.memory = CellMemory::Nor,
          .address = job.address,
          .size = job.size,
          .erases = job.operation == NorOperation::Erase};
}

}  // namespace

NorCells::NorCells(NorArray array, std::span<std::uint8_t> state, MemorySupply& supply, std::uint64_t seed,
                   Backing backing)
    : array_(array),
      state_(reinterpret_cast<NorState*>(state.data())),
      supply_(supply),
      seed_(seed),
      backing_(std::move(backing)) {
  if (array.size() != kNorSize || state.size() != sizeof(NorState)) {
    throw std::logic_error("NOR cells of the wrong size");
  }
}

void NorCells::begin_program(std::uint32_t page, std::span<const std::uint8_t, kNorPageSize> data) {
  NorJob job{
      .operation = NorOperation::Program, .address = page, .size = kNorPageSize, .data = {}, .registers = {}};
  std::ranges::copy(data, job.data.begin());
  begin(job);
}

void NorCells::begin_erase(std::uint32_t address, std::uint32_t size) {
  begin({.operation = NorOperation::Erase, .address = address, .size = size, .data = {}, .registers = {}});
}

void NorCells::begin_registers(const NorRegisters& registers) {
  begin({.operation = NorOperation::Registers, .address = 0, .size = 0, .data = {}, .registers = registers});
}

void NorCells::begin(const NorJob& job) {
  if (!supply_.reach(operation_of(job), OperationMoment::Before) || !back(job)) return;
  ++state_->jobs_begun;
  NorJob noted = job;
  noted.operation = NorOperation::None;
  state_->job = noted;
  order_stores();
  state_->job.operation = job.operation;
  order_stores();
  // Whether there is power to go on shows when the operation wants to complete.
  (void)supply_.reach(operation_of(job), OperationMoment::Torn);
}

/// Storing into a hole of a file on a full disk would end the process with SIGBUS; the board loses its power
/// instead.
bool NorCells::back(const NorJob& job) {
  if (job.operation != NorOperation::Program || !backing_) return true;
  if (std::string problem = backing_(job.address, job.size); !problem.empty()) {
    supply_.cut(std::move(problem));
  }
  return supply_.on();
}

void NorCells::complete() {
  const NorJob& job = state_->job;
  if (!supply_.on() || job.operation == NorOperation::None) return;
  const CellOperation operation = operation_of(job);
  switch (job.operation) {
    case NorOperation::None: break;
    case NorOperation::Program:
      for (std::uint32_t i = 0; i < kNorPageSize; ++i) array_.program(job.address + i, job.data[i]);
      break;
    case NorOperation::Erase:
      array_.erase(job.address, job.size);
      for (std::uint32_t done = 0; done < job.size; done += kNorSectorSize) {
        ++state_->erases[(job.address + done) / kNorSectorSize];
      }
      break;
    case NorOperation::Registers: state_->registers = job.registers; break;
  }
  order_stores();
  state_->job.operation = NorOperation::None;
  order_stores();
  (void)supply_.reach(operation, OperationMoment::After);
}

void NorCells::cut_off() {
  const NorJob job = state_->job;
  RandomBits random(~seed_, state_->jobs_begun);
  switch (job.operation) {
    case NorOperation::None: return;
    case NorOperation::Program:
      if (back(job)) tear_page(job, random);
      break;
    case NorOperation::Erase: tear_erase(job, random); break;
    case NorOperation::Registers:
      if (random.below(2) != 0) state_->registers = job.registers;
      break;
  }
  state_->cut = job;
  ++state_->cuts;
  order_stores();
  state_->job.operation = NorOperation::None;
  order_stores();
}

/// Pulses clear the bits bit by bit: each of those to be cleared has been with a chance that grows with the
/// time the operation had.
void NorCells::tear_page(const NorJob& job, RandomBits& random) {
  const std::uint64_t progress = random.below(257);
  for (std::uint32_t i = 0; i < kNorPageSize; ++i) {
    std::uint8_t value = job.data[i];
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (random.below(256) >= progress) value = static_cast<std::uint8_t>(value | 1U << bit);
    }
    if (value != 0xFF) array_.program(job.address + i, value);
  }
}

/// An erase first programs all cells to 0 and then brings them back together, page by page more or less far.
/// Blank pages are left alone: they may be holes of the file.
void NorCells::tear_erase(const NorJob& job, RandomBits& random) {
  for (std::uint32_t page = job.address; page < job.address + job.size; page += kNorPageSize) {
    const std::uint64_t die = random.below(8);
    if (die < 2 || array_.blank(page, kNorPageSize)) continue;  // 0, 1: not begun
    for (std::uint32_t i = 0; i < kNorPageSize; ++i) {
      const auto back = static_cast<std::uint8_t>(random.next() & 0xFF);
      const auto half = static_cast<std::uint8_t>(array_.read(page + i) | back);
      array_.poke(page + i, die == 2 ? 0x00 : die < 5 ? 0xFF : half);
    }
  }
}

}  // namespace microvisor::board
