// Work on the memories that only the worker may touch, asked for by system calls: pieces of the external
// flash, and settings for the vault.
//
// One job at a time. A call that needs one fills it, posts it in its next trap, and is made again until the
// worker has done it (restarts.hpp); the memory itself is only ever touched by the worker, between other
// operations, so that an update that is being staged and the application take turns. A result that nobody
// fetches, because the task that asked is gone, gives way after kPatience: every piece of work can be done
// twice. Calls exclude each other by priority, the worker uses Atomic.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::firmware::kernel {

struct StorageJob {
  enum class Kind : std::uint8_t { NorRead, NorProgram, NorErase, WifiStore, WifiClear };
  static constexpr std::uint32_t kPiece = 256;  // a page of the NOR flash

  Kind kind = Kind::NorRead;
  std::uint32_t offset = 0;  // in the NOR flash
  std::uint32_t length = 0;  // of `data`, in bytes; a sector for NorErase
  std::array<std::uint8_t, kPiece> data{};
};

class StorageJobs {
 public:
  static constexpr std::uint64_t kPatience = 100'000;  // microseconds

  /// How the job stands, as its owner sees it.
  enum class State : std::uint8_t { None, Claimed, Filled, Waiting, Done, Failed };

  // --- calls; `owner` is the call's Restarts::Entry::id ---

  [[nodiscard]] State state(std::uint32_t owner) const { return owner_ == owner ? state_ : State::None; }
  [[nodiscard]] bool owned() const { return owner_ != 0; }
  /// Makes the job the caller's, unless another call's is under way. `now` counts if it is owned.
  void claim(std::uint32_t owner, std::uint64_t now) {
    // Its owner, had it come back, would have posted it by now, or fetched the result.
    const bool forgotten = state_ == State::Claimed || state_ == State::Filled ||
                           (state_ != State::Waiting && now - done_at_ >= kPatience);
    if (stage_ == Stage::Taken || (owner_ != 0 && !forgotten)) return;
    owner_ = owner;
    state_ = State::Claimed;
  }
  /// The job to fill, in the next trap of the call that has claimed it.
  [[nodiscard]] StorageJob& fill() {
    state_ = State::Filled;
    return job_;
  }
  /// The job its caller has filled is to be done.
  void post() {
    state_ = State::Waiting;
    stage_ = Stage::Posted;
  }
  [[nodiscard]] const StorageJob& result() const { return job_; }
  void release() { owner_ = 0; }

  /// The application has ended: what it asked for and has not been begun is not done any more.
  void reset() {
    owner_ = 0;
    if (stage_ == Stage::Posted) stage_ = Stage::Idle;
  }
  /// Nothing is to be done or being done.
  [[nodiscard]] bool idle() const { return stage_ == Stage::Idle; }

  // --- worker, under Atomic ---

  /// The job that waits, which nobody else touches until finish(); null if there is none.
  [[nodiscard]] StorageJob* take() {
    if (stage_ != Stage::Posted) return nullptr;
    stage_ = Stage::Taken;
    return &job_;
  }
  void finish(bool done, std::uint64_t now) {
    stage_ = Stage::Idle;
    state_ = done ? State::Done : State::Failed;
    done_at_ = now;
  }

 private:
  enum class Stage : std::uint8_t { Idle, Posted, Taken };

  StorageJob job_;
  std::uint32_t owner_ = 0;  // 0: nobody
  State state_ = State::None;
  Stage stage_ = Stage::Idle;
  std::uint64_t done_at_ = 0;
};

}  // namespace microvisor::firmware::kernel
