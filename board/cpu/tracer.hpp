// Who wants to know what happens at the borders between instructions: exceptions, changes of world, resets,
// sleep. A core without one pays a comparison at each border.
//
// Called on the board's thread; Scheduler::now() is the moment.
#pragma once

#include <cstdint>
#include <string_view>

#include "board/cpu/state.hpp"

namespace microvisor::board {

class Tracer {
 public:
  virtual ~Tracer() = default;
  /// The handler's first instruction is next. `from`: where execution was; for a fault the instruction (or
  /// the address of the failed fetch), for an interrupt the one that would have been next.
  virtual void exception_entered(unsigned number, World world, std::uint32_t from) = 0;
  virtual void exception_ended(unsigned number, World world) = 0;
  /// Execution goes on at `address` in this world, which may be the same as before.
  virtual void world_entered(World world, std::uint32_t address) = 0;
  virtual void reset(std::string_view cause) = 0;
  /// A second time without awake() between: the sleep has become deep.
  virtual void asleep(bool deep) = 0;
  virtual void awake() = 0;
};

}  // namespace microvisor::board
