// What calls that wait for the worker share: one piece of work a time, with the call made again until all of
// it is done (storage_jobs.hpp).
#pragma once

#include <cstdint>

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

/// Brings a call of `total` bytes one step further. `fill(job, progress)` describes the piece that begins at
/// `progress`, `done(job, progress)` takes what it brought. kAgain while there is more to do.
/// UNAVAILABLE: too many calls wait already. INTERNALERROR: the memory failed.
template <typename Fill, typename Done>
Status work_by_pieces(Gate gate, std::uint32_t object, std::uint32_t total, Fill fill, Done done) {
  if (total == 0) return Status::OKAY;
  Services& s = services();
  auto* entry = s.restarts.find_or_begin(restart_key(gate));
  if (entry == nullptr) return Status::UNAVAILABLE;
  entry->object = object;
  StorageJobs& jobs = s.storage_jobs;
  const StorageJobs::State state = jobs.state(entry->id);
  if (state == StorageJobs::State::Done) {
    done(jobs.result(), entry->progress);
    entry->progress += jobs.result().length;
  }
  if (state == StorageJobs::State::Done || state == StorageJobs::State::Failed) jobs.release();
  if (state == StorageJobs::State::Failed || entry->progress >= total) {
    services().restarts.end(*entry);
    return state == StorageJobs::State::Failed ? Status::INTERNALERROR : Status::OKAY;
  }
  if (state == StorageJobs::State::Waiting) return kAgain;
  if (StorageJob* job = jobs.claim(entry->id, clock_microseconds()); job != nullptr) {
    fill(*job, entry->progress);
    storage_job_posted();
  }
  return kAgain;
}

}  // namespace microvisor::firmware::kernel::calls
