#include "board/fault/fault_injector.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "board/bus/archive.hpp"
#include "board/fault/instruction.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

bool is_inversion(const Fault& fault) { return fault.kind == Fault::Kind::InvertBranch; }

/// Instructions that have to be over before the fault is due; kUnlimited if it does not depend on them.
std::uint64_t instructions_before(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::CutAtInstruction: return fault.number;
    case Fault::Kind::SkipInstruction: return fault.number - 1;
    case Fault::Kind::CutAtOperation:
    case Fault::Kind::InvertBranch: break;
  }
  return kUnlimited;
}

}  // namespace

FaultInjector::FaultInjector(Core& core, MemorySupply& supply, std::function<void(std::string_view)> report)
    : core_(core), supply_(supply), report_(std::move(report)) {
  supply_.observe([this](const CellOperation& at, OperationMoment moment) { operation(at.memory, moment); });
}

FaultInjector::~FaultInjector() { supply_.observe({}); }

std::uint64_t FaultInjector::room() const {
  const bool counting = std::ranges::any_of(pending_, is_inversion);
  std::uint64_t room = !counting ? kUnlimited : looked_at_ == core_.retired ? 1 : 0;
  for (const Fault& fault : pending_) {
    const std::uint64_t due = instructions_before(fault);
    if (due != kUnlimited) room = std::min(room, due - std::min(due, core_.retired));
  }
  return room;
}

void FaultInjector::act() {
  const std::uint64_t now = core_.retired;
  const bool counts = looked_at_ != now && at_conditional_branch(core_);
  looked_at_ = now;
  if (counts) ++branches_;
  const auto due = std::ranges::find_if(pending_, [&](const Fault& fault) {
    return instructions_before(fault) <= now || (counts && is_inversion(fault) && fault.number == branches_);
  });
  if (due == pending_.end()) return;
  const Fault fault = *due;
  pending_.erase(due);
  const std::uint32_t address = core_.state.r[15];
  switch (fault.kind) {
    case Fault::Kind::CutAtInstruction: return cut_power(fault);
    case Fault::Kind::SkipInstruction: skip_instruction(core_); return note("skipped", fault, address);
    case Fault::Kind::InvertBranch: invert_branch(core_); return note("inverted", fault, address);
    case Fault::Kind::CutAtOperation: break;
  }
}

void FaultInjector::operation(CellMemory memory, OperationMoment moment) {
  const auto own =
      static_cast<std::size_t>(memory == CellMemory::Flash ? Fault::Counted::Flash : Fault::Counted::Nor);
  Counts& running = running_[static_cast<std::size_t>(memory)];
  if (moment == OperationMoment::Before) {
    ++begun_[own];
    ++begun_[static_cast<std::size_t>(Fault::Counted::Both)];
    running = begun_;
  }
  const auto due = std::ranges::find_if(pending_, [&](const Fault& fault) {
    const auto counted = static_cast<std::size_t>(fault.counted);
    return fault.kind == Fault::Kind::CutAtOperation && fault.moment == moment &&
           (fault.counted == Fault::Counted::Both || counted == own) && fault.number == running[counted];
  });
  if (due == pending_.end()) return;
  const Fault fault = *due;
  pending_.erase(due);
  cut_power(fault);
}

void FaultInjector::serialise(Archive& archive) {
  archive(pending_, cut_, branches_, looked_at_, begun_, running_);
}

void FaultInjector::cut_power(const Fault& fault) {
  cut_ = fault;
  supply_.cut("power cut " + to_string(fault));
}

void FaultInjector::note(const char* what, const Fault& fault, std::uint32_t address) const {
  char line[80];
  std::snprintf(line, sizeof line, "fault %s: %s the instruction at 0x%08x", to_string(fault).c_str(), what,
                address);
  report_(line);
}

}  // namespace microvisor::board
