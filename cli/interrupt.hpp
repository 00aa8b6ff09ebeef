// Signals as flags: Ctrl-C (SIGINT) and SIGTERM, so that commands end in order; SIGURG, by which `board
// reset` asks a running board for a reset (a process that does not know of it ignores that signal).
#pragma once

namespace microvisor::cli {

/// While one lives, the signals only set their flags. One at a time, on the main thread.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// True once a signal has come. Safe on any thread.
  static bool requested();
  /// True once for each time that a reset has been asked for. Safe on any thread.
  static bool take_reset_request();
  /// Blocks until a signal to end comes.
  static void wait();
};

}  // namespace microvisor::cli
