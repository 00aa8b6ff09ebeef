// Who wants to know what happens at the borders between instructions: exceptions, changes of world, resets,
// sleep, and the instructions that were named (trace points). A core without one pays a comparison at each
// border; trace points are marks in the decoded code, as breakpoints are, and cost nothing where there are
// none.
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
  /// `mode` is "Sleep", "Stop 2" and so on. A second time without awake() between: it has become another.
  virtual void asleep(std::string_view mode) = 0;
  virtual void awake() = 0;
  /// The instruction at `address`, a trace point, is next. One that faults is seen again when it is tried
  /// again.
  virtual void reached(std::uint32_t address) = 0;
};

struct Core;
/// From now on this one is told; null: nobody is. Forgets all trace points.
void set_tracer(Core& core, Tracer* tracer);
/// Has Tracer::reached() called for the instruction at this address. From a Tracer, or while execute() is not
/// running.
void add_trace_point(Core& core, std::uint32_t address);

}  // namespace microvisor::board
