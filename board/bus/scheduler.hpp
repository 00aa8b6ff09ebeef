// The event heap and the clock of one board.
//
// Virtual time advances in two ways only: the core retires instructions (`instruction_ticks` each), or, while
// the core sleeps or is stalled, time skips to the next event. So everything a board does is a function of
// its image, its seed and its inputs. Events due at the same time fire in the order in which they were armed.
//
// The core counts `budget` down, one per retired instruction, and returns to the board when it is not
// positive. now() is exact at any moment at which the core has written its budget back, which it does before
// each call out.
//
// A Scheduler belongs to one board and lives on that board's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "board/bus/time.hpp"

namespace microvisor::board {

class Scheduler {
 public:
  /// A thing that happens at a moment. Owned by the unit that arms it; disarms itself when destroyed.
  class Event {
   public:
    Event(Scheduler& scheduler, std::function<void()> on_due);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Arms (or re-arms) the event for `due`; a moment in the past fires at the next instruction boundary.
    void at(Time due);
    void after(Time ticks) { at(scheduler_.now() + ticks); }
    void cancel();
    [[nodiscard]] bool armed() const { return position_ != kNotArmed; }
    /// Meaningful while armed.
    [[nodiscard]] Time due() const { return due_; }
    /// Its place among events due at the same moment: the lower fires first. Meaningful while armed.
    [[nodiscard]] std::uint64_t order() const { return order_; }
    /// Armed as it was when a snapshot was taken.
    void restore(Time due, std::uint64_t order);

   private:
    friend class Scheduler;
    static constexpr std::size_t kNotArmed = ~std::size_t{0};
    Scheduler& scheduler_;
    std::function<void()> on_due_;
    Time due_ = 0;
    std::uint64_t order_ = 0;
    std::size_t position_ = kNotArmed;
  };

  [[nodiscard]] Time now() const { return deadline_ - static_cast<Time>(budget) * instruction_ticks_; }
  [[nodiscard]] std::uint64_t microseconds() const { return now() / kTicksPerMicrosecond; }

  /// Ticks of one instruction: the period of HCLK. Changed by RCC; takes effect from the next instruction on.
  void set_instruction_ticks(std::uint32_t ticks);
  [[nodiscard]] std::uint32_t instruction_ticks() const { return instruction_ticks_; }

  /// Fires every event whose time has come, in order.
  void dispatch();
  /// Sets `budget` to the instructions that fit before the next event (at most `limit`).
  void arm_budget(std::int64_t limit);
  /// Ends the current run of the core after this instruction, keeping now() as it is.
  void interrupt_core();
  /// Moves time to `moment` without instructions (sleep, stall). Requires budget == 0 and moment >= now().
  void skip_to(Time moment);
  /// When the next event is due; kNever if none is armed.
  [[nodiscard]] Time next_due() const;

  /// The clock, between two runs of the core. Events are serialised by those who own them.
  void serialise(class Archive& archive);

  /// Instructions that the core may still retire before it must return. Decremented by the core.
  std::int64_t budget = 0;

 private:
  friend class Event;
  void insert(Event& event);
  void erase(Event& event);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  [[nodiscard]] static bool before(const Event& a, const Event& b);

  std::vector<Event*> heap_;
  Time deadline_ = 0;
  std::uint32_t instruction_ticks_ = 1920;  // 4 MHz, MSIS after reset
  std::uint64_t next_order_ = 0;
};

}  // namespace microvisor::board
