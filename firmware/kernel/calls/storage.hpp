// What calls that wait for the worker share: one piece of work a time, with the call made again until all of
// it is done (storage_jobs.hpp).
#pragma once

#include <cstdint>

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

/// Brings a call of `total` bytes one step further, of which the first is to note that it is under way.
/// `fill(job, progress)` describes the piece that begins at `progress`, `done(job, progress)` takes what it
/// brought. kAgain while there is more to do. UNAVAILABLE: too many calls wait already. INTERNALERROR: the
/// memory failed.
template <typename Fill, typename Done>
Status work_by_pieces(Gate gate, std::uint32_t object, std::uint32_t total, Fill fill, Done done) {
  if (total == 0) return Status::OKAY;
  Services& s = services();
  auto* entry = s.restarts.find(gate, caller);
  if (entry == nullptr) return s.restarts.begin(gate, caller, object) ? kAgain : Status::UNAVAILABLE;
  StorageJobs& jobs = s.storage_jobs;
  using State = StorageJobs::State;
  switch (const State state = jobs.state(entry->id)) {
    case State::None: break;
    case State::Claimed: fill(jobs.fill(), entry->progress); return kAgain;
    case State::Filled:
      jobs.post();
      storage_job_posted();
      return kAgain;
    case State::Waiting: return kAgain;
    case State::Done:
      done(jobs.result(), entry->progress);
      entry->progress += jobs.result().length;
      [[fallthrough]];
    case State::Failed:
      jobs.release();
      if (state != State::Failed && entry->progress < total) break;
      s.restarts.end(*entry);
      return state == State::Failed ? Status::INTERNALERROR : Status::OKAY;
  }
  jobs.claim(entry->id, jobs.owned() ? clock_microseconds() : 0);
  return kAgain;
}

}  // namespace microvisor::firmware::kernel::calls
