// The faults asked of one board: it says how far the core may run until the next one, and makes it happen.
//
// Nothing here is asked while instructions run. Faults at an instruction bound the length of a run; faults at
// an operation of a memory are found by the announcements that the cells make anyway. Only an inverted branch
// that has not come yet costs time, because branches have to be counted one by one: the board then stops at
// every instruction.
//
// Owned by the Board, lives on its thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/cpu/core.hpp"
#include "board/fault/fault.hpp"

namespace microvisor::board {

class FaultInjector {
 public:
  /// `report` gets one line a fault that does not cut the power. All must outlive this object.
  FaultInjector(Core& core, MemorySupply& supply, std::function<void(std::string_view)> report);
  ~FaultInjector();
  FaultInjector(const FaultInjector&) = delete;
  FaultInjector& operator=(const FaultInjector&) = delete;

  void add(const Fault& fault) { pending_.push_back(fault); }

  /// Instructions that may run before act() has to be called; 0: now.
  [[nodiscard]] std::uint64_t room() const;
  /// Does what is due before the next instruction. The core stands at a boundary with nothing pending that it
  /// would take first.
  void act();

  /// The fault that cut the power, if one has.
  [[nodiscard]] const std::optional<Fault>& cut() const { return cut_; }
  /// What has not happened yet.
  [[nodiscard]] const std::vector<Fault>& pending() const { return pending_; }
  void serialise(class Archive& archive);

 private:
  /// How many operations of a kind (Fault::Counted) have begun, or had when an operation began.
  using Counts = std::array<std::uint64_t, 3>;

  void operation(CellMemory memory, OperationMoment moment);
  void cut_power(const Fault& fault);
  void note(const char* what, const Fault& fault, std::uint32_t address) const;

  Core& core_;
  MemorySupply& supply_;
  std::function<void(std::string_view)> report_;
  std::vector<Fault> pending_;
  std::optional<Fault> cut_;
  std::uint64_t branches_ = 0;
  std::optional<std::uint64_t> looked_at_;  ///< the boundary whose instruction has been counted
  Counts begun_{};
  std::array<Counts, 2> running_{};  ///< numbers of the operation under way, a memory each
};

}  // namespace microvisor::board
