// Brings signals to a board: Ctrl-C and SIGTERM end its run, `board reset` pulls its reset pin. Needs an
// InterruptGuard around it.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "cli/interrupt.hpp"
#include "cli/virtual_device.hpp"

namespace microvisor::cli {

class SignalWatch {
 public:
  explicit SignalWatch(VirtualDevice& device)
      : thread_([&device, this] {
          while (!done_) {
            if (InterruptGuard::requested()) return device.stop();
            if (InterruptGuard::take_reset_request()) device.reset();
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          }
        }) {}
  ~SignalWatch() {
    done_ = true;
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace microvisor::cli
