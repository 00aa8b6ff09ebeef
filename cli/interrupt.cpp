#include "cli/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace microvisor::cli {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) { flag.store(true, std::memory_order_relaxed); }

void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() { set_handler(on_signal); }
InterruptGuard::~InterruptGuard() { set_handler(SIG_DFL); }

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
