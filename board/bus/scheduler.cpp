#include "board/bus/scheduler.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/archive.hpp"

namespace microvisor::board {

Scheduler::Event::Event(Scheduler& scheduler, std::function<void()> on_due)
    : scheduler_(scheduler), on_due_(std::move(on_due)) {}

Scheduler::Event::~Event() { cancel(); }

void Scheduler::Event::at(Time due) { restore(due, scheduler_.next_order_++); }

void Scheduler::Event::restore(Time due, std::uint64_t order) {
  cancel();
  due_ = due;
  order_ = order;
  scheduler_.insert(*this);
}

void Scheduler::Event::cancel() {
  if (armed()) scheduler_.erase(*this);
}

void Scheduler::set_instruction_ticks(std::uint32_t ticks) {
  interrupt_core();
  instruction_ticks_ = ticks;
}

void Scheduler::dispatch() {
  while (!heap_.empty() && heap_.front()->due_ <= now()) {
    Event& event = *heap_.front();
    erase(event);
    event.on_due_();
  }
}

void Scheduler::arm_budget(std::int64_t limit) {
  const Time start = now();
  budget = limit;
  if (const Time due = next_due(); due != kNever) {
    const Time distance = due > start ? due - start : 0;
    const Time fitting = (distance + instruction_ticks_ - 1) / instruction_ticks_;
    budget = static_cast<std::int64_t>(std::min<Time>(static_cast<Time>(limit), fitting));
  }
  deadline_ = start + static_cast<Time>(budget) * instruction_ticks_;
}

void Scheduler::interrupt_core() {
  deadline_ = now();
  budget = 0;
}

void Scheduler::skip_to(Time moment) {
  if (moment > deadline_) deadline_ = moment;
}

Time Scheduler::next_due() const { return heap_.empty() ? kNever : heap_.front()->due_; }

void Scheduler::serialise(Archive& archive) {
  Time moment = now();
  archive(moment, instruction_ticks_, next_order_);
  if (!archive.loading()) return;
  deadline_ = moment;
  budget = 0;
}

bool Scheduler::before(const Event& a, const Event& b) {
  return a.due_ != b.due_ ? a.due_ < b.due_ : a.order_ < b.order_;
}

void Scheduler::insert(Event& event) {
  event.position_ = heap_.size();
  heap_.push_back(&event);
  sift_up(event.position_);
  if (event.due_ < deadline_) interrupt_core();
}

void Scheduler::erase(Event& event) {
  const std::size_t hole = event.position_;
  event.position_ = Event::kNotArmed;
  Event* last = heap_.back();
  heap_.pop_back();
  if (last == &event) return;
  heap_[hole] = last;
  last->position_ = hole;
  sift_up(hole);
  sift_down(last->position_);
}

void Scheduler::sift_up(std::size_t position) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!before(*heap_[position], *heap_[parent])) return;
    std::swap(heap_[position], heap_[parent]);
    heap_[position]->position_ = position;
    heap_[parent]->position_ = parent;
    position = parent;
  }
}

void Scheduler::sift_down(std::size_t position) {
  for (;;) {
    std::size_t least = position;
    for (std::size_t child = 2 * position + 1; child <= 2 * position + 2 && child < heap_.size(); ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (least == position) return;
    std::swap(heap_[position], heap_[least]);
    heap_[position]->position_ = position;
    heap_[least]->position_ = least;
    position = least;
  }
}

}  // namespace microvisor::board
