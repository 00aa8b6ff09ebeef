// How a unit writes down an event it has armed: whether, for when, and which of those due at the same moment
// comes first.
#pragma once

#include "board/bus/archive.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board {

inline void serialise_event(Archive& archive, Scheduler::Event& event) {
  bool armed = event.armed();
  Time due = armed ? event.due() : 0;
  std::uint64_t order = armed ? event.order() : 0;
  archive(armed, due, order);
  if (!archive.loading()) return;
  if (armed) {
    event.restore(due, order);
  } else {
    event.cancel();
  }
}

}  // namespace microvisor::board
