// Instruction fetch: which page may be executed as a whole, and what has to be looked at instruction by
// instruction.
#pragma once

#include "board/cpu/interpreter.hpp"

namespace microvisor::board {

/// The record at `address`, which is even, with the interpreter pointed at its page, or at the single-step
/// buffer if the page cannot be executed as a whole. Null: a fault has been recorded, or
/// core.execution.stalled is set, or the core halts (core.halting.due).
const Record* fetch_page(Core& core, std::uint32_t address);
/// The same, always in the single-step buffer, for the ITSTATE at hand.
const Record* fetch_step(Core& core, std::uint32_t address);

/// Stands behind the last record of a page and of the single-step buffer: leads to what follows. Retires
/// nothing.
struct PageEnd {
  static void run(ARGS);
};

/// Stands where a debug comparator watches an instruction: leads to the single-step buffer, whose fetch asks
/// the comparators. Retires nothing.
struct Marked {
  static void run(ARGS);
};

}  // namespace microvisor::board
