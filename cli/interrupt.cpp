// The handler sets a flag and posts a semaphore, both safe in a handler (POSIX.1-2008 2.4.3): whichever
// thread the system picks for the signal, the one that waits wakes.
#include "cli/interrupt.hpp"

#include <semaphore.h>

#include <atomic>
#include <csignal>

namespace microvisor::cli {
namespace {

std::atomic<bool> flag{false};
std::atomic<bool> reset_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// One for the process, as its signals are.
sem_t wake_up;

void on_signal(int) {
  flag.store(true, std::memory_order_relaxed);
  sem_post(&wake_up);
}
void on_reset(int) { reset_flag.store(true, std::memory_order_relaxed); }

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  sem_init(&wake_up, 0, 0);
  set_handler(SIGINT, on_signal);
  set_handler(SIGTERM, on_signal);
  set_handler(SIGURG, on_reset);
}
InterruptGuard::~InterruptGuard() {
  for (const int signal : {SIGINT, SIGTERM, SIGURG}) set_handler(signal, SIG_DFL);
}

bool InterruptGuard::take_reset_request() { return reset_flag.exchange(false, std::memory_order_relaxed); }

bool InterruptGuard::requested() { return flag.load(std::memory_order_relaxed); }

void InterruptGuard::wait() {
  while (!requested()) sem_wait(&wake_up);  // also ends when a handler has run: EINTR
}

}  // namespace microvisor::cli
