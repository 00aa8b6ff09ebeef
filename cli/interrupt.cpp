// The handler only sets a flag; who waits for it does so with the signals blocked, so that none is missed.
#include "cli/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace microvisor::cli {
namespace {

std::atomic<bool> flag{false};
std::atomic<bool> reset_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) { flag.store(true, std::memory_order_relaxed); }
void on_reset(int) { reset_flag.store(true, std::memory_order_relaxed); }

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
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
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  while (!requested()) sigsuspend(&before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace microvisor::cli
