// Ctrl-C (SIGINT) and SIGTERM as a flag, so that commands end in order.
#pragma once

namespace microvisor::cli {

/// While one lives, the two signals only set the flag. One at a time, on the main thread.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// True once a signal has come. Safe on any thread.
  static bool requested();
  /// Blocks until a signal comes.
  static void wait();
};

}  // namespace microvisor::cli
