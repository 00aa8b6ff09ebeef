// Who has the processor: the application or the worker (docs/kernel.md).
//
// The worker gets slices while it has something to do. In between the application has at least kShare for
// itself. A slice ends early as soon as a non-secure exception waits that cannot pre-empt it. An application
// that masks its interrupts would keep the worker out for ever: when a slice has been due for kHang without
// beginning, it is taken at a priority above the application. All times in microseconds; everything here runs
// at timer or PendSV level, or under Atomic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/resident/trap.hpp"

namespace microvisor::firmware::kernel {

inline constexpr std::uint32_t kSlice = 300;
inline constexpr std::uint32_t kSliceCheck = 50;
inline constexpr std::uint32_t kShare = 350;
inline constexpr std::uint32_t kHang = 2'000;
inline constexpr std::uint32_t kParkRetry = 10;

// Exception priorities, most urgent first (docs/kernel.md has the reasons).
inline constexpr std::uint8_t kPriorityFault = 0x00;
inline constexpr std::uint8_t kPriorityFastInterrupt = 0x10;
inline constexpr std::uint8_t kPriorityTimer = 0x20;
inline constexpr std::uint8_t kPriorityDevice = 0x30;
inline constexpr std::uint8_t kPriorityCall = 0x40;
inline constexpr std::uint8_t kPriorityWorkerBoosted = 0x60;
inline constexpr std::uint8_t kPriorityWorkerCompatible = 0x70;
inline constexpr std::uint8_t kPriorityMonitor = 0x70;
inline constexpr std::uint8_t kPrioritySliceEnd = 0xE0;
inline constexpr std::uint8_t kPriorityWorker = 0xF0;

/// What exceptions.S shares with C++.
struct WorkerContext {
  std::uint32_t running;
  std::uint32_t worker_sp;
  std::uint32_t main_sp;
  std::uint32_t main_limit;
  std::uint32_t worker_limit;
  std::uint32_t main_top;
  std::uint32_t thread_top;
};
static_assert(offsetof(WorkerContext, worker_sp) == 4 && offsetof(WorkerContext, main_sp) == 8);
static_assert(offsetof(WorkerContext, main_limit) == 12 && offsetof(WorkerContext, worker_limit) == 16);
static_assert(offsetof(WorkerContext, main_top) == 20 && offsetof(WorkerContext, thread_top) == 24);
extern "C" WorkerContext worker_context;

/// Starts the timer and lets the worker begin at `entry`. Once, from thread mode.
void start_scheduler(void (*entry)());

/// The application has begun or ended: decides whether a share is kept for it.
void scheduler_application_runs(bool runs);

/// Thread mode shows that it lives. While no application runs and it does not for a long time, the watchdog
/// is not fed.
void scheduler_thread_lives();

/// Compatibility mode: the worker runs above the application's interrupts, for applications that switch
/// context where they would switch away from the worker. Takes effect with the next slice.
void scheduler_set_compatibility(bool on);
[[nodiscard]] bool scheduler_compatibility();

/// A debugging session is open: the worker runs above everything of the application's and above DebugMonitor.
/// Worker.
void scheduler_set_debugging(bool on);
/// The debugger has halted the application, or lets it go on: what it does not use is the worker's. Any
/// context.
void scheduler_application_stands(bool stands);

/// What `exc_return` says was interrupted is the application's thread code, although PendSV, in which the
/// worker runs, is active: a handler that pre-empted it has returned to something else. That may have been
/// before the worker's first instruction or behind its last, so `worker_context.running` does not tell. Any
/// context.
[[nodiscard]] inline bool switched_under_worker(std::uint32_t exc_return) {
  return (stm32u5::scb().shcsr & stm32u5::Scb::kPendSvActive) != 0 &&
         (exc_return & (kReturnSecureFrame | kReturnThread)) == kReturnThread;
}

/// The application has ended, and every exception with it: whatever was under way begins anew.
void scheduler_unwound();

/// The end of the application is put off until the timer's handler, which has been pre-empted, ends: has the
/// tasklet follow it.
void scheduler_defer_tasklet();

/// Whether the worker waits for an event or a moment, with nothing half done.
[[nodiscard]] bool worker_idle();

/// TIM5 has stood still for so long. From a system call.
void scheduler_slept(std::uint64_t microseconds);

/// Pends the tasklet at `microseconds` from now.
void schedule_tasklet(std::uint32_t microseconds);

}  // namespace microvisor::firmware::kernel
