// Whether the kernel's calls through pointers lead where the build believes (firmware/kernel/
// indirect_calls.toml): each such call that a board makes is looked at.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "board/board.hpp"
#include "board/cpu/quiet_tracer.hpp"

namespace microvisor::tests {

/// The board's tracer as long as it lives, which must not be longer than the board does.
class PointerCallWatch final : public board::QuietTracer {
 public:
  explicit PointerCallWatch(board::Board& board);
  ~PointerCallWatch() override;
  PointerCallWatch(const PointerCallWatch&) = delete;
  PointerCallWatch& operator=(const PointerCallWatch&) = delete;

  /// A failure of the test for each call that has led elsewhere; prints how many of the calls were made.
  void expect_as_listed() const;

  void reached(std::uint32_t address) override;

 private:
  struct Call {
    unsigned register_number = 0;
    std::set<std::uint32_t> listed;
    std::set<std::uint32_t> made;
  };
  board::Core& core_;
  std::map<std::uint32_t, Call> calls_;  // by address
};

}  // namespace microvisor::tests
