// Handlers of branches, IT blocks and the instructions that the system half performs.
#pragma once

#include "board/cpu/decoder.hpp"
#include "board/cpu/interpreter.hpp"

namespace microvisor::board {

enum class Condition : std::uint8_t { Eq, Ne, Cs, Cc, Mi, Pl, Vs, Vc, Hi, Ls, Ge, Lt, Gt, Le, Always };
inline constexpr unsigned kConditions = 15;

/// ConditionHolds() on the flags as the interpreter carries them.
template <Condition kCondition>
MV_INLINE bool holds(std::int64_t nz, std::uint32_t c, std::uint32_t v) {
  const bool zero = static_cast<std::uint32_t>(nz) == 0;
  const bool negative = nz < 0;
  switch (kCondition) {
    case Condition::Eq: return zero;
    case Condition::Ne: return !zero;
    case Condition::Cs: return c != 0;
    case Condition::Cc: return c == 0;
    case Condition::Mi: return negative;
    case Condition::Pl: return !negative;
    case Condition::Vs: return v != 0;
    case Condition::Vc: return v == 0;
    case Condition::Hi: return c != 0 && !zero;
    case Condition::Ls: return c == 0 || zero;
    case Condition::Ge: return negative == (v != 0);
    case Condition::Lt: return negative != (v != 0);
    case Condition::Gt: return !zero && negative == (v != 0);
    case Condition::Le: return zero || negative != (v != 0);
    case Condition::Always: return true;
  }
  return true;
}

// --- branches
// ----------------------------------------------------------------------------------------------------------
// A near branch stays in its page: `imm` is the distance in records. A far one has the distance in bytes from
// the instruction (not from what PC reads as).

MV_INLINE void branch_near(ARGS) {
  rec += static_cast<std::int32_t>(rec->imm);
  if (MV_UNLIKELY(--budget <= 0)) return leave(PASS);
  return handlers[rec->op](PASS);
}

template <Condition kCondition>
struct BranchNear {
  template <int kLength>
  static void run(ARGS) {
    if (holds<kCondition>(nz, c, v)) return branch_near(PASS);
    return next<kLength>(PASS);
  }
};

template <Condition kCondition>
struct BranchFar {
  template <int kLength>
  static void run(ARGS) {
    if (holds<kCondition>(nz, c, v)) return jump(PASS, address_of(core, rec) + rec->imm);
    return next<kLength>(PASS);
  }
};

/// CBZ, CBNZ.
template <bool kNear, bool kNonZero>
struct CompareAndBranch {
  template <int kLength>
  static void run(ARGS) {
    if ((core.state.r[rec->n] != 0) != kNonZero) return next<kLength>(PASS);
    if constexpr (kNear) return branch_near(PASS);
    return jump(PASS, address_of(core, rec) + rec->imm);
  }
};

/// BL.
template <bool kNear>
struct BranchLink {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = address_of(core, rec);
    core.state.r[14] = (address + 2 * kLength) | 1;
    if constexpr (kNear) return branch_near(PASS);
    return jump(PASS, address + rec->imm);
  }
};

struct BranchExchange {
  template <int kLength>
  static void run(ARGS) {
    return jump_anywhere(PASS, core.state.r[rec->m]);
  }
};
/// BLX (register): never magic.
struct BranchLinkExchange {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t target = core.state.r[rec->m];
    core.state.r[14] = (address_of(core, rec) + 2 * kLength) | 1;
    return jump_exchange(PASS, target);
  }
};

/// MOV pc and ADD pc: BranchWritePC(), bit 0 is ignored.
struct MovePc {
  template <int kLength>
  static void run(ARGS) {
    return jump(PASS, core.state.r[rec->m] & ~1u);
  }
};
struct AddToPc {
  template <int kLength>
  static void run(ARGS) {
    return jump(PASS, (pc_value(core, rec) + core.state.r[rec->m]) & ~1u);
  }
};

/// TBB, TBH: a table of distances in halfwords.
template <typename T, bool kFromPc>
struct TableBranch {
  MV_INLINE static std::uint32_t entry(const Core& core, const Record* rec) {
    const std::uint32_t base = kFromPc ? pc_value(core, rec) : core.state.r[rec->n];
    return base + core.state.r[rec->m] * static_cast<std::uint32_t>(sizeof(T));
  }
  template <int kLength>
  static void run(ARGS) {
    const std::uint8_t* host = readable(core, entry(core, rec), sizeof(T));
    if (MV_UNLIKELY(host == nullptr)) return slow<kLength>(PASS);
    T distance;
    __builtin_memcpy(&distance, host, sizeof distance);
    return jump(PASS, pc_value(core, rec) + 2u * distance);
  }
  template <int kLength>
  MV_COLD static void slow(ARGS) {
    call_out(core, budget);
    const std::uint64_t distance = load_value(core, entry(core, rec), sizeof(T), {});
    budget = call_back(core);
    if (distance == kNotLoaded) return fail(PASS);
    return jump(PASS, pc_value(core, rec) + 2u * static_cast<std::uint32_t>(distance));
  }
};

// --- IT
// --------------------------------------------------------------------------------------------------------------
/// IT whose block lies in the page.
struct IfThen {
  template <int kLength>
  static void run(ARGS) {
    core.state.it = static_cast<std::uint8_t>(rec->imm);
    return next<kLength>(PASS);
  }
};
/// IT near the end of a page or in the single-step buffer: the block is executed from that buffer.
struct IfThenStepped {
  template <int kLength>
  static void run(ARGS) {
    core.state.it = static_cast<std::uint8_t>(rec->imm);
    core.state.r[15] = address_of(core, rec) + 2 * kLength;
    if (--budget <= 0) return leave_at(PASS);
    return step_at(PASS);
  }
};

/// The record was decoded for another place in the block than the one it was reached in.
void wrong_it_state(ARGS);

/// In front of every instruction of a block. Whether or not the condition holds, ITSTATE advances; an
/// instruction that fails puts it back (see fail()).
template <Condition kCondition>
struct Conditional {
  template <int kLength>
  static void run(ARGS) {
    if (MV_UNLIKELY(core.state.it != rec->it)) return wrong_it_state(PASS);
    core.state.it = rec->it_next;
    if (holds<kCondition>(nz, c, v)) return handlers[rec->real_op](PASS);
    return next<kLength>(PASS);
  }
};

// --- the system half's instructions
// ------------------------------------------------------------------------------------

/// UDF and all of UNDEFINED space.
struct Undefined {
  template <int kLength>
  MV_COLD static void run(ARGS) {
    record_usage_fault(core, UsageFault::Undefined);
    return fail(PASS);
  }
};
/// Coprocessors that do not exist.
struct NoCoprocessor {
  template <int kLength>
  MV_COLD static void run(ARGS) {
    record_usage_fault(core, UsageFault::NoCoprocessor);
    return fail(PASS);
  }
};

struct NoOperation {
  template <int kLength>
  static void run(ARGS) {
    return next<kLength>(PASS);
  }
};

/// ISB, and barriers after which a change of masks must have been noticed: what is pending is looked at.
struct Synchronise {
  template <int kLength>
  static void run(ARGS) {
    return resume<kLength>(PASS);
  }
};

struct ClearExclusive {
  template <int kLength>
  static void run(ARGS) {
    core.state.exclusive = false;
    return next<kLength>(PASS);
  }
};

/// Defines an instruction that the system half performs and after which everything may be different.
/// `next_address` is the following instruction's address.
#define MV_SYSTEM_INSTRUCTION(Name, call)                                                 \
  struct Name {                                                                           \
    template <int kLength>                                                                \
    static void run(ARGS) {                                                               \
      expose_state(PASS);                                                                 \
      [[maybe_unused]] const std::uint32_t next_address = core.state.r[15] + 2 * kLength; \
      call;                                                                               \
      return leave_changed(PASS);                                                         \
    }                                                                                     \
  }

MV_SYSTEM_INSTRUCTION(SupervisorCall, execute_svc(core, next_address));
MV_SYSTEM_INSTRUCTION(WaitForInterrupt, execute_wfi(core, next_address));
MV_SYSTEM_INSTRUCTION(WaitForEvent, execute_wfe(core, next_address));
MV_SYSTEM_INSTRUCTION(SendEvent, (execute_sev(core), core.state.r[15] = next_address));
MV_SYSTEM_INSTRUCTION(SecureGateway, execute_secure_gateway(core, next_address));

/// BXNS, BLXNS: UNDEFINED in Non-secure state; bit 0 set means an ordinary BX or BLX.
struct BranchNonSecure {
  template <int kLength>
  static void run(ARGS) {
    if (core.state.world != kSecure) return Undefined::run<kLength>(PASS);
    const std::uint32_t target = core.state.r[rec->m];
    if ((target & 1) != 0) return jump_anywhere(PASS, target);
    expose_state(PASS);
    execute_branch_nonsecure(core, target);
    return leave_changed(PASS);
  }
};
struct BranchLinkNonSecure {
  template <int kLength>
  static void run(ARGS) {
    if (core.state.world != kSecure) return Undefined::run<kLength>(PASS);
    const std::uint32_t target = core.state.r[rec->m];
    if ((target & 1) != 0) return BranchLinkExchange::run<kLength>(PASS);
    expose_state(PASS);
    execute_call_nonsecure(core, target, core.state.r[15] + 2 * kLength);
    return leave_changed(PASS);
  }
};

/// BKPT: the semihosting call stops execute(), the rest is the debug architecture's.
struct Breakpoint {
  template <int kLength>
  static void run(ARGS) {
    expose_state(PASS);
    if (core.semihosting && rec->imm == 0xAB) {
      core.state.it = advance_it(core.state.it);
      core.execution.exit = static_cast<std::uint8_t>(Exit::Semihosting);
      return;
    }
    execute_breakpoint(core);
    return leave_changed(PASS);
  }
};

/// CPS, with `imm` the fields imod, I and F. Unprivileged: no operation.
struct ChangeProcessorState {
  template <int kLength>
  static void run(ARGS) {
    if (core.state.privileged()) {
      call_out(core, budget);
      change_processor_state(core, (rec->imm & 4) != 0, (rec->imm & 2) != 0, (rec->imm & 1) != 0);
      budget = call_back(core);
    }
    return resume<kLength>(PASS);
  }
};

/// MRS.
struct MoveFromSpecial {
  template <int kLength>
  static void run(ARGS) {
    expose_state(PASS);
    core.state.r[rec->d] = read_special(core, rec->imm);
    budget = call_back(core);
    return resume<kLength>(PASS);
  }
};
/// MSR: flags, stack pointers, masks, privilege.
struct MoveToSpecial {
  template <int kLength>
  static void run(ARGS) {
    expose_state(PASS);
    if (!write_special(core, rec->imm, rec->s, core.state.r[rec->n])) return fail(PASS);
    core.state.r[15] += 2 * kLength;
    return leave_changed(PASS);
  }
};

/// TT, TTT, TTA, TTAT: `s` is the variant. The A forms are UNDEFINED in Non-secure state.
struct TestTarget {
  template <int kLength>
  static void run(ARGS) {
    if ((rec->s & 2) != 0 && core.state.world != kSecure) return Undefined::run<kLength>(PASS);
    core.state.r[rec->d] = test_target(core, core.state.r[rec->n], rec->s);
    return next<kLength>(PASS);
  }
};

}  // namespace microvisor::board
