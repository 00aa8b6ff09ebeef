#include "board/fault/instruction.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kAlways = 14;

/// The next instruction, as far as a fault needs to know it.
struct Next {
  std::uint32_t opcode = 0;  ///< first halfword in 31:16 if wide
  unsigned bytes = 2;
};

Next next_of(const Core& core) {
  const std::uint32_t address = core.state.r[15];
  std::uint32_t first = 0, second = 0;
  (void)core.bus.peek(address, 2, first);
  if ((first >> 11) < 0x1D) return {first, 2};
  (void)core.bus.peek(address + 2, 2, second);
  return {first << 16 | (second & 0xFFFF), 4};
}

std::int32_t sign_extended(std::uint32_t value, unsigned width) {
  return static_cast<std::int32_t>(value << (32 - width)) >> (32 - width);
}

/// ConditionHolds() of DDI0553.
bool holds(const CoreState& state, unsigned condition) {
  bool result = false;
  switch (condition >> 1) {
    case 0: result = state.z; break;
    case 1: result = state.c; break;
    case 2: result = state.n; break;
    case 3: result = state.v; break;
    case 4: result = state.c && !state.z; break;
    case 5: result = state.n == state.v; break;
    case 6: result = state.n == state.v && !state.z; break;
    default: return true;
  }
  return (condition & 1) != 0 ? !result : result;
}

/// B<c> and CBZ/CBNZ: where they lead, and whether they would go there now.
struct DirectBranch {
  bool is = false;
  bool taken = false;
  std::uint32_t target = 0;
};

DirectBranch direct_branch(const Core& core) {
  const CoreState& state = core.state;
  const auto [opcode, bytes] = next_of(core);
  const std::uint32_t pc = state.r[15] + 4;
  const auto to = [pc](std::int32_t distance) { return pc + static_cast<std::uint32_t>(distance); };
  if (bytes == 2 && opcode >> 12 == 0xD && (opcode >> 8 & 15) < kAlways) {  // B<c>, T1
    return {true, holds(state, opcode >> 8 & 15), to(sign_extended(opcode & 0xFF, 8) * 2)};
  }
  if (bytes == 2 && (opcode & 0xF500) == 0xB100) {  // CBZ, CBNZ
    const bool nonzero = (opcode & 0x0800) != 0;
    const std::uint32_t distance = (opcode >> 9 & 1) << 6 | (opcode >> 3 & 0x1F) << 1;
    return {true, (state.r[opcode & 7] != 0) == nonzero, pc + distance};
  }
  const unsigned condition = opcode >> 22 & 15;
  if (bytes == 4 && (opcode & 0xF800'D000) == 0xF000'8000 && condition < kAlways) {  // B<c>, T3
    const std::uint32_t distance = (opcode >> 26 & 1) << 20 | (opcode >> 11 & 1) << 19 |
                                   (opcode >> 13 & 1) << 18 | (opcode >> 16 & 0x3F) << 12 |
                                   (opcode & 0x7FF) << 1;
    return {true, holds(state, condition), to(sign_extended(distance, 21))};
  }
  return {};
}

/// Of the instructions that may end an IT block, those that branch.
bool branches(const Next& next) {
  const std::uint32_t opcode = next.opcode;
  if (next.bytes == 2) {
    return opcode >> 11 == 0x1C ||         // B, T2
           (opcode & 0xFF00) == 0x4700 ||  // BX, BLX, BXNS, BLXNS
           (opcode & 0xFF00) == 0xBD00 ||  // POP with PC
           (opcode & 0xFF87) == 0x4687;    // MOV pc
  }
  return (opcode & 0xF800'9000) == 0xF000'9000 ||  // B T4, BL
         (opcode & 0xFE50'8000) == 0xE810'8000 ||  // LDM with PC
         (opcode & 0xFF70'F000) == 0xF850'F000 ||  // LDR to PC
         (opcode & 0xFFF0'FFE0) == 0xE8D0'F000;    // TBB, TBH
}

/// ITAdvance().
std::uint8_t advanced(std::uint8_t it) {
  return (it & 7) == 0 ? 0 : static_cast<std::uint8_t>((it & 0xE0) | (it << 1 & 0x1F));
}

/// The time of one instruction passes.
void retire(Core& core) {
  core.scheduler.arm_budget(1);
  core.scheduler.budget -= 1;
  core.retired += 1;
}

}  // namespace

bool at_conditional_branch(const Core& core) {
  const std::uint8_t it = core.state.it;
  if (it == 0) return direct_branch(core).is;
  return (it >> 4) < kAlways && branches(next_of(core));
}

void skip_instruction(Core& core) {
  core.state.r[15] += next_of(core).bytes;
  core.state.it = advanced(core.state.it);
  retire(core);
}

void invert_branch(Core& core) {
  CoreState& state = core.state;
  if (state.it != 0) {
    // A branch ends its block, so without the block it is taken for certain.
    if (holds(state, state.it >> 4)) return skip_instruction(core);
    state.it = 0;
    return;
  }
  const DirectBranch branch = direct_branch(core);
  if (branch.taken) return skip_instruction(core);
  state.r[15] = branch.target;
  retire(core);
}

}  // namespace microvisor::board
