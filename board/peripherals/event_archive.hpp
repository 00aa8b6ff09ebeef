// How a block writes down an event it has armed: whether, and for when.
#pragma once

#include "board/bus/archive.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board {

inline void serialise_event(Archive& archive, Scheduler::Event& event) {
  bool armed = event.armed();
  Time due = armed ? event.due() : 0;
  archive(armed, due);
  if (!archive.loading()) return;
  if (armed) {
    event.at(due);
  } else {
    event.cancel();
  }
}

}  // namespace microvisor::board
