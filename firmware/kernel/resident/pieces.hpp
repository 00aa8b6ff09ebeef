// Copying that would keep the application's interrupts waiting for too long is done by pieces, a trap each
// (kAgain), and is of no use to anybody before the last one.
//
// An object that is written to by pieces has one call under way. Any other call on it that comes in between,
// of another task or an interrupt's handler, takes its place, and the first begins anew: nothing has to be
// kept for callers that never come back.
#pragma once

#include <algorithm>
#include <cstdint>

#include "firmware/kernel/resident/caller.hpp"

namespace microvisor::firmware::kernel {

/// How far one call has come on an object, in steps.
class CallProgress {
 public:
  void end() { by_.stack_pointer = 0; }
  /// Number of the step that the call which is being performed makes now: 0, 1, 2 ...
  [[nodiscard]] std::uint32_t step() {
    if (!caller.same_call(by_)) {
      by_ = caller;
      steps_ = 0;
    }
    return steps_++;
  }

 private:
  Caller by_;
  std::uint32_t steps_ = 0;
};

class Pieces {
 public:
  static constexpr std::uint32_t kPiece = 256;  // bytes
  static constexpr std::uint32_t kLast = 64;    // of the last piece, whose trap has more to do

  struct Piece {
    std::uint32_t from, size;
    bool last;
  };
  /// The piece of `total` bytes that `by` copies next; the last one may be empty.
  [[nodiscard]] Piece next(const Caller& by, std::uint32_t total) {
    if (total <= kLast) {
      end();
      return {0, total, true};
    }
    if (!by.same_call(by_)) {
      by_ = by;
      progress_ = 0;
    }
    const std::uint32_t left = total - progress_;
    const Piece piece{progress_, std::min(left, kPiece), left <= kLast};
    progress_ += piece.size;
    if (piece.last) end();
    return piece;
  }
  /// What has been copied so far has lost its place.
  void end() { by_.stack_pointer = 0; }

 private:
  Caller by_;
  std::uint32_t progress_ = 0;
};

}  // namespace microvisor::firmware::kernel
