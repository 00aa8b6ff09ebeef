// Exception return and function return: the checks in their order, tail-chaining, and putting the old state
// back.
//
// Nothing of the interrupted state is touched before all checks have passed. A check that fails deactivates
// the returning exception all the same and takes its fault as a tail-chain on the frame that is still on the
// stack.
//
// Source: Armv8-M ARM (DDI0553) B3.22, B3.23 and B3.16 (FNC_RETURN); pseudocode ExceptionReturn,
// ValidateExceptionReturn, DeActivate, PopStack, FunctionReturn.
#include <array>
#include <cstring>

#include "board/cpu/exceptions.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {
namespace {

struct Return {
  std::uint32_t value;  ///< EXC_RETURN as far as it is believed
  World exception_world = kNonSecure;
  World stack_world = kNonSecure;
  bool thread = false;
  bool bad_world = false;  ///< INVER
  bool bad_value = false;  ///< INVPC
};

/// A Non-secure handler may claim neither that it was a Secure one nor that callee registers are elsewhere;
/// nor may a Secure handler that claims to be a Non-secure one.
Return decode(const Core& core, std::uint32_t exc_return) {
  Return result{exc_return};
  const bool claims_secure = (exc_return & kExcReturnSecureException) != 0;
  const bool default_stacking = (exc_return & kExcReturnDefaultStacking) != 0;
  const bool nonsecure = core.state.world == kNonSecure || !claims_secure;
  if (nonsecure && (claims_secure || !default_stacking)) {
    result.bad_world = true;
    result.value &= ~std::uint32_t{kExcReturnSecureException};
  }
  const bool ones = (exc_return & kExcReturnOnes) == kExcReturnOnes;
  result.bad_value = !ones || (exc_return & kExcReturnReserved) != 0;
  result.exception_world = (result.value & kExcReturnSecureException) != 0 ? kSecure : kNonSecure;
  result.stack_world = (exc_return & kExcReturnSecureStack) != 0 ? kSecure : kNonSecure;
  result.thread = (exc_return & kExcReturnThread) != 0;
  return result;
}

void deactivate_one(Core& core, unsigned number, World world) {
  set_active(core, number, world, false);
  if (is_interrupt(number)) nvic_deactivate(core, number - kFirstInterrupt);
}

/// Ends the returning exception. At negative priority it is the exception of that priority that ends,
/// whatever the handler has made of IPSR, so that no core stays there for good. False if the exception was
/// not active.
bool deactivate(Core& core, unsigned number, World world) {
  const bool active = is_active(core, number, world) && target_world(core, number, world) == world;
  const int raw = raw_priority(core);
  if (raw >= 0 && core.state.faultmask[world]) {
    core.state.faultmask[world] = false;
    flush_tlb(core);
  }
  const World hard_fault = core.system->control.faults_nonsecure ? kNonSecure : kSecure;
  switch (raw) {
    case -1: deactivate_one(core, kHardFault, hard_fault); break;
    case -2: deactivate_one(core, kNmi, kSecure); break;
    case -3: deactivate_one(core, kHardFault, kSecure); break;
    default:
      if (active) deactivate_one(core, number, world);
      break;
  }
  return active;
}

struct Popped {
  std::array<std::uint32_t, 8> callee{};
  std::array<std::uint32_t, 8> basic{};
  bool has_callee = false;
  std::uint32_t frame = 0;  ///< address of the basic frame
};

std::uint32_t& stack_to_pop(CoreState& state, const Return& what) {
  const StackKind kind = what.thread && state.process_stack[what.stack_world] ? kProcess : kMain;
  return state.stack_pointer(what.stack_world, kind);
}

bool read_words(Core& core, std::uint32_t address, std::array<std::uint32_t, 8>& words, World world,
                bool privileged) {
  if (const std::uint8_t* host = readable_frame(core, address, sizeof words, world, privileged)) {
    std::memcpy(words.data(), host, sizeof words);
    return true;
  }
  for (std::uint32_t& word : words) {
    const FrameAccess result = frame_read(core, address, world, privileged, word);
    if (result != FrameAccess::Ok) {
      record_frame_fault(core, result, world, address, false);
      return false;
    }
    address += 4;
  }
  return true;
}

/// The additional state context, if there is one: the signature has to fit EXC_RETURN.FType.
bool pop_callee(Core& core, const Return& what, bool privileged, Popped& popped) {
  const bool stacked =
      (what.value & kExcReturnSecureException) == 0 || (what.value & kExcReturnDefaultStacking) == 0;
  popped.has_callee = what.stack_world == kSecure && stacked;
  if (!popped.has_callee) return true;
  const std::uint32_t expected = kIntegritySignature | ((what.value & kExcReturnBasicFrame) != 0 ? 1 : 0);
  std::uint32_t signature = 0;
  const FrameAccess result = frame_read(core, popped.frame, kSecure, privileged, signature);
  if (result != FrameAccess::Ok) {
    record_frame_fault(core, result, kSecure, popped.frame, false);
    return false;
  }
  if (signature != expected) {
    record_secure_fault(core, kInvIs);
    return false;
  }
  if (!read_words(core, popped.frame + 8, popped.callee, kSecure, privileged)) return false;
  popped.frame += 0x28;
  return true;
}

/// Everything that has to be read and found right before the state may change. False: a fault is pending.
bool pop_frame(Core& core, const Return& what, Popped& popped) {
  const bool privileged = !what.thread || !core.state.unprivileged_thread[what.stack_world];
  popped.frame = stack_to_pop(core.state, what);
  if (!pop_callee(core, what, privileged, popped)) return false;
  if (!read_words(core, popped.frame, popped.basic, what.stack_world, privileged)) return false;
  const bool to_thread = (popped.basic[7] & kPsrExceptionMask) == 0;
  if (to_thread != what.thread) {
    record_usage_fault_in(core, UsageFault::InvalidPc, what.stack_world);
    return false;
  }
  if ((what.value & kExcReturnBasicFrame) != 0) return true;
  return unstack_fp(core, popped.frame, what.stack_world, privileged);
}

std::uint32_t size_in_memory(const Core& core, const Return& what) {
  if ((what.value & kExcReturnBasicFrame) != 0) return 0x20;
  const bool all = what.stack_world == kSecure && (core.system->fp.fpccr[kSecure] & kFpTs) != 0;
  return all ? 0xA8 : 0x68;
}

/// Goes back to what the frame of eight words at `frame` says; `callee` are R4-R11 if they were on the stack.
void restore(Core& core, const Return& what, std::uint32_t frame, const std::array<std::uint32_t, 8>& basic,
             const std::array<std::uint32_t, 8>* callee) {
  CoreState& state = core.state;
  const std::uint32_t psr = basic[7];
  std::uint32_t after = frame + size_in_memory(core, what);
  if ((psr & kPsrRealign) != 0) after |= 4;
  stack_to_pop(state, what) = after;
  {
    const StackSwitch stack(state);
    state.world = what.stack_world;
    write_xpsr(state, psr);
  }
  if (state.world == kNonSecure) core.note_nonsecure();
  for (unsigned index = 0; index < 4; ++index) state.r[index] = basic[index];
  state.r[12] = basic[4];
  state.r[14] = basic[5];
  state.r[15] = basic[6] & ~std::uint32_t{1};
  if (callee != nullptr) {
    for (unsigned index = 0; index < 8; ++index) state.r[4 + index] = (*callee)[index];
  }
  state.fp_active = (what.value & kExcReturnBasicFrame) == 0;
  state.secure_fp_active = what.stack_world == kSecure && (psr & kPsrSfpa) != 0;
  state.exclusive = false;
  state.event = true;
  if (core.tracer != nullptr) core.tracer->world_entered(state.world, state.r[15]);
}

/// SCR.SLEEPONEXIT of the world whose handler returned, once no exception is left (B3.28). The return is an
/// event for WFE, but not for this sleep, which is a WFI.
void sleep_on_exit(Core& core, World world) {
  if (!core.system->control.sleep_on_exit[world] || core.state.handler_mode() || active_count(core) != 0)
    return;
  core.state.asleep = true;
  core.system->waiting_for_event = false;
}

/// Raises what decode() and deactivate() found. False if there was something.
bool check(Core& core, const Return& what, bool was_active) {
  if (what.bad_world) {
    record_secure_fault(core, kInvEr);
    return false;
  }
  if (what.bad_value || !was_active) {
    record_usage_fault(core, UsageFault::InvalidPc);
    return false;
  }
  return true;
}

/// IPSR that Non-secure code shows (0, or 1 for "a Secure handler") against the one on the Secure stack.
bool plausible(std::uint32_t shown, std::uint32_t stacked) {
  return (shown == 0 && stacked == 0) || (shown == 1 && stacked != 0);
}

/// The usual return, in one go: a value that fits the handler, nothing else to take, no FP context, and the
/// frame in memory that is known. False: nothing has been done.
bool return_at_once(Core& core, const Return& what) {
  CoreState& state = core.state;
  const SystemControl& control = core.system->control;
  const World world = what.exception_world;
  constexpr std::uint32_t kShape = kExcReturnBasicFrame | kExcReturnDefaultStacking;
  constexpr std::uint32_t kNegative = bit(kNmi) | bit(kHardFault);
  if (what.bad_value || what.bad_world || (what.value & kShape) != kShape || world != state.world)
    return false;
  if (world == kNonSecure && what.stack_world == kSecure) return false;  // R4-R11 are on the stack too
  if (state.fp_active || anything_pending(core) || control.sleep_on_exit[world]) return false;
  if (((control.active[0] | control.active[1]) & kNegative) != 0 || state.faultmask[world]) return false;
  const unsigned number = state.ipsr;
  if (!is_active(core, number, world) || target_world(core, number, world) != world) return false;
  if (is_interrupt(number) && line_is_high(core, number - kFirstInterrupt)) return false;

  const bool process = (what.value & kExcReturnProcessStack) != 0;
  const bool privileged = !what.thread || !state.unprivileged_thread[what.stack_world];
  const bool selected = what.stack_world == world ? process : state.process_stack[what.stack_world];
  const bool own_stack = what.stack_world == world && !(what.thread && selected);  // the handler's
  const std::uint32_t frame =
      own_stack ? state.r[13] : state.stack[what.stack_world][what.thread && selected];
  std::array<std::uint32_t, 8> basic;
  const std::uint8_t* host = readable_frame(core, frame, sizeof basic, what.stack_world, privileged);
  if (host == nullptr) return false;
  std::memcpy(basic.data(), host, sizeof basic);
  if (((basic[7] & kPsrExceptionMask) == 0) != what.thread) return false;
  set_active(core, number, world, false);
  if (core.tracer != nullptr) core.tracer->exception_ended(number, world);
  state.process_stack[world] = process;
  restore(core, what, frame, basic, nullptr);
  reconsider(core);
  return true;
}

/// The two words that BLXNS has pushed, at once where the memory is known. False: a fault has been recorded.
bool read_call_frame(Core& core, std::uint32_t frame, bool privileged, std::array<std::uint32_t, 2>& words) {
  if (const std::uint8_t* host = readable_frame(core, frame, sizeof words, kSecure, privileged)) {
    std::memcpy(words.data(), host, sizeof words);
    return true;
  }
  FrameAccess result = frame_read(core, frame, kSecure, privileged, words[0]);
  if (result == FrameAccess::Ok) result = frame_read(core, frame + 4, kSecure, privileged, words[1]);
  if (result == FrameAccess::Ok) return true;
  record_frame_fault(core, result, kSecure, frame, false);
  return false;
}

}  // namespace

void return_from_exception(Core& core, std::uint32_t exc_return) {
  CoreState& state = core.state;
  const Return what = decode(core, exc_return);
  if (return_at_once(core, what)) return;
  const bool was_active = deactivate(core, state.ipsr, what.exception_world);
  if (core.tracer != nullptr) core.tracer->exception_ended(state.ipsr, what.exception_world);
  state.process_stack[what.exception_world] = (what.value & kExcReturnProcessStack) != 0;
  if (!check(core, what, was_active) || !clear_fp_on_return(core))
    return take_exception(core, what.value, true);

  const PendingException next = most_urgent(core);
  if (next.number != kNoException && next.group_priority < execution_priority(core)) {
    return take_exception(core, what.value, true);
  }
  Popped popped;
  if (!pop_frame(core, what, popped)) return take_exception(core, what.value, true);
  restore(core, what, popped.frame, popped.basic, popped.has_callee ? &popped.callee : nullptr);
  sleep_on_exit(core, what.exception_world);
  reconsider(core);
}

/// Faults are those of the branch: its address is where the fault returns to.
bool return_from_function(Core& core) {
  CoreState& state = core.state;
  const bool thread = !state.handler_mode();
  const bool privileged = !thread || !state.unprivileged_thread[kSecure];
  const Return what{0, kSecure, kSecure, thread};
  const std::uint32_t frame = stack_to_pop(state, what);
  std::array<std::uint32_t, 2> words{};
  if (!read_call_frame(core, frame, privileged, words)) return false;
  const auto [address, psr] = words;
  const std::uint32_t number = psr & kPsrExceptionMask;
  if (!plausible(state.ipsr, number)) {
    record_usage_fault(core, UsageFault::InvalidPc);
    return false;
  }
  stack_to_pop(state, what) = frame + 8;
  {
    const StackSwitch stack(state);
    state.world = kSecure;
    state.ipsr = static_cast<std::uint16_t>(number);
  }
  state.secure_fp_active = (psr & kPsrSfpa) != 0;
  state.it = 0;
  state.thumb = (address & 1) != 0;
  state.r[15] = address & ~std::uint32_t{1};
  if (core.tracer != nullptr) core.tracer->world_entered(kSecure, state.r[15]);
  reconsider(core);
  return true;
}

MagicBranch branch_magic(Core& core, std::uint32_t target) {
  if ((target & ~std::uint32_t{1}) == kFncReturn) {
    return return_from_function(core) ? MagicBranch::Done : MagicBranch::Refused;
  }
  if (target < 0xFF00'0000 || !core.state.handler_mode()) return MagicBranch::Ordinary;
  finish_step(core);
  return_from_exception(core, target);
  return MagicBranch::Done;
}

}  // namespace microvisor::board
