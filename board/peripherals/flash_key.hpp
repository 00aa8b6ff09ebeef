// A two-word key register of the flash interface: right sequence opens, anything else shuts it until the next
// reset.
#pragma once

#include <cstdint>

#include "board/bus/archive.hpp"

namespace microvisor::board {

/// RM0456 sections 7.3.5 and 7.4.2. The lock bit itself belongs to the control register.
class FlashKey {
 public:
  enum class Result : std::uint8_t { Waiting, Opened, Refused };

  constexpr FlashKey(std::uint32_t first, std::uint32_t second) : keys_{first, second} {}

  /// Takes one word. Refused is a bus error for the writer, and every later word is refused too.
  Result write(std::uint32_t word) {
    if (shut_ || word != keys_[position_]) {
      shut_ = true;
      return Result::Refused;
    }
    position_ ^= 1;
    return position_ == 0 ? Result::Opened : Result::Waiting;
  }
  /// Refuses from now on.
  void shut() { shut_ = true; }
  void reset() {
    position_ = 0;
    shut_ = false;
  }
  void serialise(Archive& archive) { archive(position_, shut_); }

 private:
  std::uint32_t keys_[2];
  std::uint8_t position_ = 0;
  bool shut_ = false;
};

}  // namespace microvisor::board
