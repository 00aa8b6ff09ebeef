// The last line of a terminal, kept up to date while a board runs; nothing where stderr is no terminal.
//
// A thread asks the board for its status four times a second, the board's thread answers and draws. Each
// drawing is one write that ends with erasing what is left of the older text, so nothing flickers; lines that
// others print go above (see output.hpp).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "cli/virtual_device.hpp"

namespace microvisor::cli {

/// What a person wants to know of a running board, at one moment.
struct StatusSample {
  DeviceStatus device;
  double wall_seconds = 0;  ///< since the board was switched on
  bool debugger = false;
};

/// The text, from the present state and what has happened since an earlier sample:
/// "running     12.3 s  1.00x    3.1 M/s  non-secure  online 123/117  2 resets".
std::string status_text(const StatusSample& now, const StatusSample& before);

class StatusLine {
 public:
  /// `debugger_attached` is asked on the board's thread. The device must outlive the line.
  StatusLine(VirtualDevice& device, std::function<bool()> debugger_attached);
  /// Erases the line.
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

 private:
  void tick();
  void draw();

  VirtualDevice& device_;
  std::function<bool()> debugger_attached_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  StatusSample before_;
  std::mutex mutex_;
  std::condition_variable ended_signal_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace microvisor::cli
