// Something that is there, and for a while of each period is not: an access point, the coverage of a network.
#pragma once

#include <functional>
#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board {

/// From one absence to the next, the first after as long; 0: none.
struct AbsenceTimes {
  Time every = 0;
  Time length = 0;
};

/// Calls `changed` at each beginning and end, by the board's clock. Part of whoever owns it.
class Absence {
 public:
  Absence(Scheduler& scheduler, AbsenceTimes times, std::function<void(bool away)> changed)
      : times_(times), changed_(std::move(changed)), event_(scheduler, [this] { turn(); }) {}

  /// From now on; there at first.
  void begin() {
    away_ = false;
    event_.cancel();
    if (times_.every != 0) event_.after(times_.every);
  }
  void serialise(Archive& archive) {
    archive(times_, away_);
    serialise_event(archive, event_);
  }

 private:
  void turn() {
    away_ = !away_;
    event_.after(away_ ? times_.length : times_.every - times_.length);
    changed_(away_);
  }

  AbsenceTimes times_;
  bool away_ = false;
  std::function<void(bool)> changed_;
  Scheduler::Event event_;
};

}  // namespace microvisor::board
