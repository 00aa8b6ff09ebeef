// Exception entry: the frame on the interrupted stack, the additional context that hides Secure registers,
// the vector.
//
// The order is that of the architecture: push what the interrupted code needs, then choose the exception (a
// fault of the push may win), then the callee-saved registers if Non-secure code is to follow Secure code,
// then the vector, and only when nothing can fail any more the exception becomes active. A fault on the way
// makes the choice start again with the frame as it is.
//
// Source: Armv8-M ARM (DDI0553) B3.18 to B3.21; pseudocode PushStack, PushCalleeStack, ExceptionTaken.
#include <array>
#include <cstring>

#include "board/cpu/exceptions.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kCalleeFrameSize = 0x28;

std::uint32_t first_exc_return(const CoreState& state) {
  std::uint32_t value = kExcReturnOnes | kExcReturnDefaultStacking;
  if (state.world == kSecure) value |= kExcReturnSecureStack;
  if (!state.handler_mode()) value |= kExcReturnThread;
  if (!state.fp_active) value |= kExcReturnBasicFrame;
  return value;
}

/// Writes consecutive words, at once where the memory is known, else until one fails; the failure is recorded
/// as a stacking error.
template <std::size_t Count>
bool write_words(Core& core, std::uint32_t address, const std::array<std::uint32_t, Count>& words,
                 World world, bool privileged) {
  if (std::uint8_t* host = writable_frame(core, address, sizeof words, world, privileged)) {
    std::memcpy(host, words.data(), sizeof words);
    return true;
  }
  for (const std::uint32_t word : words) {
    const FrameAccess result = frame_write(core, address, world, privileged, word);
    if (result != FrameAccess::Ok) {
      record_frame_fault(core, result, world, address, true);
      return false;
    }
    address += 4;
  }
  return true;
}

/// The last word of the frame of code whose stack pointer is `original`.
std::uint32_t stacked_psr(const CoreState& state, std::uint32_t original) {
  std::uint32_t psr = read_xpsr(state);
  if ((original & 4) != 0) psr |= kPsrRealign;
  if (state.world == kSecure && state.secure_fp_active) psr |= kPsrSfpa;
  return psr;
}

std::array<std::uint32_t, 8> basic_frame(const CoreState& state, std::uint32_t return_address,
                                         std::uint32_t psr) {
  const auto& r = state.r;
  return {r[0], r[1], r[2], r[3], r[12], r[14], return_address, psr};
}

/// The usual case: no FP context, and room on a stack whose memory is known. False: nothing has been done.
bool push_frame_at_once(Core& core, std::uint32_t return_address) {
  CoreState& state = core.state;
  if (state.fp_active) return false;
  const std::uint32_t original = state.r[13];
  const auto words = basic_frame(state, return_address, stacked_psr(state, original));
  const std::uint32_t frame = (original & ~std::uint32_t{7}) - std::uint32_t{sizeof words};
  if (frame < stack_limit(core)) return false;
  std::uint8_t* host = writable_frame(core, frame, sizeof words, state.world, state.privileged());
  if (host == nullptr) return false;
  std::memcpy(host, words.data(), sizeof words);
  state.r[13] = frame;
  return true;
}

/// The frame of eight words, more with an FP context. Stack pointer of the interrupted code: below the frame,
/// or at its limit if the frame would have crossed it.
void push_frame(Core& core, std::uint32_t return_address) {
  CoreState& state = core.state;
  const World world = state.world;
  const bool privileged = state.privileged();
  const std::uint32_t size = frame_size(core);
  const std::uint32_t original = state.r[13];
  const std::uint32_t frame = (original & ~std::uint32_t{7}) - size;
  const bool overflow = frame < stack_limit(core);
  bool written = false;
  if (overflow) {
    record_usage_fault(core, UsageFault::StackOverflow);
  } else {
    written = write_words(core, frame, basic_frame(state, return_address, stacked_psr(state, original)),
                          world, privileged);
  }
  if (state.fp_active) stack_fp(core, frame, frame, written);
  state.r[13] = overflow ? stack_limit(core) : frame;
}

/// Where the Secure background stack is while a handler may already be running on another one.
std::uint32_t& background_stack(CoreState& state, bool thread) {
  const StackKind kind = thread && state.process_stack[kSecure] ? kProcess : kMain;
  return state.stack_pointer(kSecure, kind);
}

std::uint32_t background_limit(const Core& core, bool thread) {
  const CoreState& state = core.state;
  const StackKind kind = thread && state.process_stack[kSecure] ? kProcess : kMain;
  return state.stack_limit[kSecure][kind];
}

/// Additional state context: signature, a reserved word, R4-R11 (B3.19). False: a fault is pending.
bool push_callee_frame(Core& core, std::uint32_t exc_return) {
  CoreState& state = core.state;
  const bool thread = (exc_return & kExcReturnThread) != 0;
  std::uint32_t& stack = background_stack(state, thread);
  const std::uint32_t frame = stack - kCalleeFrameSize;
  if (frame < background_limit(core, thread)) {
    stack = background_limit(core, thread);
    record_usage_fault_in(core, UsageFault::StackOverflow, kSecure);
    return false;
  }
  stack = frame;
  const std::uint32_t signature = kIntegritySignature | ((exc_return & kExcReturnBasicFrame) != 0 ? 1 : 0);
  const auto& r = state.r;
  const bool privileged = !thread || !state.unprivileged_thread[kSecure];
  return write_words<10>(core, frame, {signature, 0, r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11]},
                         kSecure, privileged);
}

/// A Non-secure handler begins with the scratch registers and the flags at zero, whoever ran before, and does
/// not see R4-R11 of a Secure background. (What a Secure handler finds is UNKNOWN: here, what was there.)
void clear_registers(CoreState& state, bool callee_saved) {
  for (unsigned index = 0; index <= 12; ++index) {
    if (index < 4 || index == 12 || callee_saved) state.r[index] = 0;
  }
  write_apsr(state, 0);
}

/// Address of the handler, or false with VECTTBL pending. A Secure vector has to lie in Secure memory; a
/// Non-secure one that does not lie in Non-secure memory is a fault of the Secure side.
bool fetch_vector(Core& core, const PendingException& exception, std::uint32_t& vector) {
  const World world = exception.world;
  const std::uint32_t address = core.system->control.vtor[world] + 4 * exception.number;
  if (const std::uint8_t* host = remembered_vector(core, address, world)) {
    std::memcpy(&vector, host, sizeof vector);
    return true;
  }
  const bool secure_memory = check_security(core, address, false, world).secure;
  const bool own_memory = secure_memory == (world == kSecure);
  if (own_memory && vector_read(core, address, world, vector) == FrameAccess::Ok) {
    remember_vectors(core, address, world);
    return true;
  }
  record_vector_fault(core, secure_memory ? kSecure : world);
  return false;
}

void activate(Core& core, const PendingException& exception, std::uint32_t exc_return, std::uint32_t vector) {
  CoreState& state = core.state;
  const std::uint32_t from = state.r[15];
  {
    const StackSwitch stack(state);
    state.world = exception.world;
    state.ipsr = static_cast<std::uint16_t>(exception.number);
    state.process_stack[exception.world] = false;
  }
  set_pending(core, exception.number, exception.world, false);
  set_active(core, exception.number, exception.world, true);
  state.r[14] = exc_return;
  state.r[15] = vector & ~std::uint32_t{1};
  state.thumb = (vector & 1) != 0;
  state.it = 0;
  state.fp_active = state.secure_fp_active = false;
  state.exclusive = false;
  state.event = true;
  state.asleep = false;
  ++core.entries;
  core.halting.due |= core.halting.stepping;
  if (core.halting.faults != FaultHalts::None) halt_for_fault(core, exception.number);
  if (core.tracer != nullptr) core.tracer->exception_entered(exception.number, exception.world, from);
}

/// EXC_RETURN as the handler sees it, for the exception that is really taken.
std::uint32_t final_exc_return(const CoreState& state, std::uint32_t exc_return, World target,
                               bool callee_stacked) {
  exc_return &= ~(kExcReturnSecureException | kExcReturnProcessStack | kExcReturnReserved);
  exc_return |= kExcReturnOnes | kExcReturnDefaultStacking;
  if (target == kSecure) {
    exc_return |= kExcReturnSecureException;
    if (callee_stacked) exc_return &= ~std::uint32_t{kExcReturnDefaultStacking};
  }
  if (state.process_stack[target]) exc_return |= kExcReturnProcessStack;
  return exc_return;
}

}  // namespace

bool enter_at_once(Core& core, const PendingException& exception, std::uint32_t return_address) {
  const World target = exception.world;
  if (core.system->lockup_due || (core.state.world == kSecure && target == kNonSecure)) return false;
  const std::uint32_t address = core.system->control.vtor[target] + 4 * exception.number;
  const std::uint8_t* host = remembered_vector(core, address, target);
  const std::uint32_t exc_return = first_exc_return(core.state);
  if (host == nullptr || !push_frame_at_once(core, return_address)) return false;
  std::uint32_t vector = 0;
  std::memcpy(&vector, host, sizeof vector);
  if (target == kNonSecure) clear_registers(core.state, false);
  activate(core, exception, final_exc_return(core.state, exc_return, target, false), vector);
  reconsider(core);
  return true;
}

void enter_exception(Core& core, std::uint32_t return_address) {
  const PendingException exception = most_urgent(core);
  if (enter_at_once(core, exception, return_address)) return;
  const std::uint32_t exc_return = first_exc_return(core.state);
  push_frame(core, return_address);
  take_exception(core, exc_return, false);
}

void take_exception(Core& core, std::uint32_t exc_return, bool tail_chain) {
  CoreState& state = core.state;
  const bool background_secure = (exc_return & kExcReturnSecureStack) != 0;
  const bool was_stacked =
      (exc_return & kExcReturnSecureException) == 0 || (exc_return & kExcReturnDefaultStacking) == 0;
  bool callee_stacked = tail_chain && background_secure && was_stacked;
  PendingException exception;
  std::uint32_t vector = 0;
  for (;;) {
    if (core.system->lockup_due) return lock_up(core);
    exception = most_urgent(core);
    core.system->entering_priority = exception.group_priority;
    if (background_secure && exception.world == kNonSecure && !callee_stacked) {
      callee_stacked = true;
      if (!push_callee_frame(core, exc_return)) continue;
    }
    if (fetch_vector(core, exception, vector)) break;
  }
  const std::uint32_t link = final_exc_return(state, exc_return, exception.world, callee_stacked);
  if (exception.world == kNonSecure) clear_registers(state, background_secure);
  activate(core, exception, link, vector);
  reconsider(core);
}

bool service(Core& core) {
  if (core.system->control.reset_requested) return false;
  const PendingException best = most_urgent(core);
  if (best.number != kNoException && best.group_priority < execution_priority(core)) {
    core.state.locked_up = false;  // NMI, or the HardFault of the other world, ends it
    enter_exception(core, core.state.r[15]);
  } else {
    reconsider(core);
  }
  return !core.state.locked_up;
}

}  // namespace microvisor::board
