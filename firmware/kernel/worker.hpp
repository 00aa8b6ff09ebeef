// The kernel's background work: one blocking coroutine that runs in the lowest secure exception.
//
// Link, TLS, updates and everything else that takes longer than an interrupt may is ordinary blocking code on
// the worker's own stack. It runs in PendSV of the Secure state at priority 0xF0, in slices, so that the
// application's interrupts (non-secure 0x00 to 0xD0) pre-empt it and the application keeps its share of the
// processor. A slice ends by itself when its time is up; worker_yield() and the waits end it early. Nothing
// here may be called from a system call or an interrupt, but for worker_wake() and clock_microseconds().
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

/// Microseconds since the kernel started (what mvGetMicroseconds counts). Any context.
[[nodiscard]] std::uint64_t clock_microseconds();

/// Ends the slice; returns at the start of the next one.
void worker_yield();

/// Parks until clock_microseconds() >= `microseconds`, whatever else happens.
void worker_wait_until(std::uint64_t microseconds);

/// Parks until `microseconds`, or until worker_wake() is called, or has been called since the last return of
/// this function. True if it was woken, false if the time ran out.
[[nodiscard]] bool worker_wait_event(std::uint64_t microseconds);

/// Makes worker_wait_event() return. From any context; cheap.
void worker_wake();

/// An errand is something small that a system call asks of the worker. It is run by the worker in its waits
/// and in worker_run_errand(), which is called where nothing is half done: never in the middle of another
/// operation on flash or vault, and never in another errand.
void worker_set_errand(void (*errand)());
void worker_run_errand();
/// Has the errand run as soon as may be. From any context; cheap.
void worker_request_errand();

/// While one exists the end of a slice is put off (at most for 100 us of use: keep the section short). For
/// data that worker and system calls share use Atomic below instead.
class WorkerNoPark {
 public:
  WorkerNoPark();
  ~WorkerNoPark();
  WorkerNoPark(const WorkerNoPark&) = delete;
  WorkerNoPark& operator=(const WorkerNoPark&) = delete;
};

/// Critical section against everything at 0x30 and below: system calls, stack switches and device interrupts.
/// A few dozen instructions at most. Nests.
class Atomic {
 public:
  Atomic();
  ~Atomic();
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

 private:
  std::uint32_t before_;
};

}  // namespace microvisor::firmware::kernel
