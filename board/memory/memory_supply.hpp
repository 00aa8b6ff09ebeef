// The supply of the memories that keep their contents: a change of cells needs power until it is done.
//
// Flash and NOR cells announce each operation when nothing of it has happened yet, when it is under way, and
// when it is complete. Whoever injects faults listens and may cut the supply at that very moment; from then
// on no cell changes any more, and what was under way stays noted as the death of the process would leave it.
//
// Owned by BoardMemories. Not thread-safe; belongs to the board's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace microvisor::board {

enum class CellMemory : std::uint8_t { Flash, Nor };
enum class OperationMoment : std::uint8_t { Before, Torn, After };

/// What an operation changes: cells [address, address + size) of one of the memories; no size for registers
/// and option bytes.
struct CellOperation {
  CellMemory memory = CellMemory::Flash;
  std::uint32_t address = 0;
  std::uint32_t size = 0;
  bool erases = false;
};

class MemorySupply {
 public:
  using Observer = std::function<void(const CellOperation&, OperationMoment)>;

  [[nodiscard]] bool on() const { return on_; }
  /// Why it went, one line; empty while it is on.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  void cut(std::string reason) {
    if (!on_) return;
    on_ = false;
    reason_ = std::move(reason);
    if (on_cut_) on_cut_();
  }
  void restore() {
    on_ = true;
    reason_.clear();
  }
  /// Called once each time the supply goes.
  void on_cut(std::function<void()> listener) { on_cut_ = std::move(listener); }
  /// Told of every operation; null to stop.
  void observe(Observer observer) { observer_ = std::move(observer); }

  /// For the cells: an operation has come to `moment`. False if there is no power to go on.
  [[nodiscard]] bool reach(const CellOperation& operation, OperationMoment moment) {
    if (on_ && observer_) observer_(operation, moment);
    return on_;
  }

 private:
  bool on_ = true;
  std::string reason_;
  std::function<void()> on_cut_;
  Observer observer_;
};

}  // namespace microvisor::board
