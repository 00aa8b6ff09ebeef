// One instruction that does not do what it says: skipped, or branching the other way.
//
// The core stands at an instruction boundary: state.r[15] is the next instruction and nothing is pending that
// would be taken before it (Core::execute() with no budget left sees to that). What is done here takes the
// time of one instruction and counts as one. Encodings: Armv8-M ARM (DDI0553), C2.4, B<c>, CBZ, IT.
#pragma once

#include <cstdint>

#include "board/cpu/core.hpp"

namespace microvisor::board {

/// True if the next instruction is a branch that may or may not be taken: B<c>, CBZ, CBNZ, or a B, BL, BX,
/// BLX, POP or LDM with PC, or LDR to PC inside an IT block.
[[nodiscard]] bool at_conditional_branch(const Core& core);

/// As if the instruction were not there: only PC and ITSTATE move on.
void skip_instruction(Core& core);

/// Takes the branch if its condition does not hold, and the reverse. Requires at_conditional_branch().
void invert_branch(Core& core);

}  // namespace microvisor::board
