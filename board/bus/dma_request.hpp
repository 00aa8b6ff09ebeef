// Request lines from the blocks to the DMA controllers, beside the interrupt lines of peripheral.hpp.
//
// A request is a level: high while the block can take or give one data item. A controller whose channel is
// not enabled ignores it, and nothing is latched (RM0456 17.4.4).
#pragma once

#include <functional>

namespace microvisor::board {

/// One end of a request line, given to the block that drives it. Not connected by default.
struct DmaRequest {
  std::function<void(bool level)> connected;
  void set(bool level) {
    if (level == level_) return;
    level_ = level;
    if (connected) connected(level);
  }
  [[nodiscard]] bool level() const { return level_; }

 private:
  bool level_ = false;
};

}  // namespace microvisor::board
