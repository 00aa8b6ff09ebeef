// The registers of the halted application: r0 to r3, r12, lr, pc and xpsr lie in the frame on its stack, r4
// to r11 on DebugMonitor's, the special registers are live. Of floating point S0 to S15 and FPSCR lie in the
// frame once they have been stacked, which touching the unit makes sure of (Armv8-M Architecture Reference
// Manual, B3.19 and B3.20: lazy state preservation), S16 to S31 in the unit.
//
// Changing SP moves the frame: hardware finds it at the stack pointer when DebugMonitor returns.
#include <cstring>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/resident/application_frame.hpp"
#include "firmware/kernel/resident/monitor_context.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" {
// exceptions.S. The unit is enabled for the Secure state while they run.
void save_high_floating_point(std::uint32_t* to);
void load_high_floating_point(const std::uint32_t* from);
}

namespace {

constexpr std::uint32_t kExtendedFrame = 0x68;
constexpr std::uint32_t kNoFloatingPoint = 1u << 4;  // EXC_RETURN.FType
constexpr std::uint32_t kPadded = 1u << 9;           // of the stacked xPSR: SP was not a multiple of 8
/// What a debugger may change of xPSR: flags, IT and GE. Not the exception number, nor Thumb state.
constexpr std::uint32_t kXpsrChangeable = 0xF800'0000 | kXpsrIfThen | 0x000F'0000;

/// S0 to S15, FPSCR in the extended frame.
std::uint32_t* stacked_floating_point(const HaltedContext& context) {
  return reinterpret_cast<std::uint32_t*>(context.frame) + sizeof(Frame) / 4;
}

/// While one exists the Secure state has the unit too.
class FloatingPointUnit {
 public:
  FloatingPointUnit() { set(Scb::kFpuFullAccess); }
  ~FloatingPointUnit() { set(before_); }
  FloatingPointUnit(const FloatingPointUnit&) = delete;
  FloatingPointUnit& operator=(const FloatingPointUnit&) = delete;

 private:
  static void set(std::uint32_t value) {
    scb().cpacr = value;
    full_barrier();
  }
  std::uint32_t before_ = scb().cpacr;
};

bool on_process_stack(const HaltedContext& context) {
  return (control_of(context.exc_return) & kControlProcessStack) != 0;
}

void set_stack(bool process, std::uint32_t sp) {
  if (process) {
    asm volatile("msr psp_ns, %0" : : "r"(sp));
  } else {
    asm volatile("msr msp_ns, %0" : : "r"(sp));
  }
}

/// The frame goes to below `stack_pointer`; xPSR says whether there is a word in between.
void move_frame(HaltedContext& context, std::uint32_t stack_pointer) {
  const std::uint32_t size = frame_size(context);
  auto* to = reinterpret_cast<Frame*>((stack_pointer - size) & ~7u);
  std::memmove(to, context.frame, size);
  to->xpsr = (to->xpsr & ~kPadded) | ((stack_pointer & 4) != 0 ? kPadded : 0);
  context.frame = to;
  context.stack_pointer = stack_pointer;
  set_stack(on_process_stack(context), reinterpret_cast<std::uint32_t>(to));
}

std::uint32_t stack_limit(bool process) {
  std::uint32_t limit = 0;
  if (process) {
    asm volatile("mrs %0, psplim_ns" : "=r"(limit));
  } else {
    asm volatile("mrs %0, msplim_ns" : "=r"(limit));
  }
  return limit;
}

MV_FLASH_CODE bool write_stack_pointer(HaltedContext& context, std::uint32_t value) {
  const std::uint32_t size = frame_size(context);
  const std::uint32_t frame = (value - size) & ~7u;
  if (value % 4 != 0 || !frame_is_there(frame, size)) return false;
  if (frame < stack_limit(on_process_stack(context))) return false;
  move_frame(context, value);
  return true;
}

/// MSP or PSP: the one in use is SP.
bool write_named_stack(HaltedContext& context, bool process, std::uint32_t value) {
  if (process == on_process_stack(context)) return write_stack_pointer(context, value);
  if (value % 4 != 0 || value < stack_limit(process)) return false;
  set_stack(process, value);
  return true;
}

bool write_special(ApplicationRegister number, std::uint32_t value) {
  switch (number) {
    case kRegisterMspLimit: asm volatile("msr msplim_ns, %0" : : "r"(value)); return true;
    case kRegisterPspLimit: asm volatile("msr psplim_ns, %0" : : "r"(value)); return true;
    case kRegisterPrimask: asm volatile("msr primask_ns, %0" : : "r"(value)); return true;
    case kRegisterBasepri: asm volatile("msr basepri_ns, %0" : : "r"(value)); return true;
    case kRegisterFaultmask: asm volatile("msr faultmask_ns, %0" : : "r"(value)); return true;
    default: return false;  // CONTROL says where the frame lies
  }
}

void read_special(ApplicationRegisters& to) {
  asm volatile("mrs %0, msp_ns" : "=r"(to[kRegisterMsp]));
  asm volatile("mrs %0, psp_ns" : "=r"(to[kRegisterPsp]));
  asm volatile("mrs %0, msplim_ns" : "=r"(to[kRegisterMspLimit]));
  asm volatile("mrs %0, psplim_ns" : "=r"(to[kRegisterPspLimit]));
  asm volatile("mrs %0, control_ns" : "=r"(to[kRegisterControl]));
  asm volatile("mrs %0, primask_ns" : "=r"(to[kRegisterPrimask]));
  asm volatile("mrs %0, basepri_ns" : "=r"(to[kRegisterBasepri]));
  asm volatile("mrs %0, faultmask_ns" : "=r"(to[kRegisterFaultmask]));
}

bool write_floating_point(HaltedContext& context, unsigned number, std::uint32_t value) {
  if (!context.floating_point) return false;
  std::uint32_t* stacked = stacked_floating_point(context);
  if (number == kRegisterFpscr) {
    stacked[16] = value;
  } else if (number < kRegisterS0 + 16) {
    stacked[number - kRegisterS0] = value;
  } else {
    context.high[number - kRegisterS0 - 16] = value;
  }
  return true;
}

bool write_stacked(HaltedContext& context, unsigned number, std::uint32_t value) {
  Frame& frame = *context.frame;
  if (number < 4) {
    frame.arguments.r[number] = value;
  } else if (number < 12) {
    context.saved[number - 4] = value;
  } else if (number == 12) {
    frame.r12 = value;
  } else if (number == kRegisterLr) {
    frame.lr = value;
  } else if (number == kRegisterPc) {
    frame.pc = value & ~1u;
  } else {
    frame.xpsr = (frame.xpsr & ~kXpsrChangeable) | (value & kXpsrChangeable);
  }
  return true;
}

}  // namespace

std::uint32_t frame_size(const HaltedContext& context) {
  return context.floating_point ? kExtendedFrame : sizeof(Frame);
}

void take_context(HaltedContext& context, std::uint32_t exc_return, std::uint32_t* saved) {
  context = HaltedContext{};
  context.exc_return = exc_return;
  context.saved = saved;
  context.frame = application_frame(exc_return);
  if (context.frame == nullptr) return;
  const auto at = reinterpret_cast<std::uint32_t>(context.frame);
  context.floating_point = (exc_return & kNoFloatingPoint) == 0 && frame_is_there(at, kExtendedFrame);
  context.stack_pointer = at + frame_size(context) + ((context.frame->xpsr & kPadded) != 0 ? 4 : 0);
  if (!context.floating_point) return;
  const FloatingPointUnit unit;
  save_high_floating_point(context.high.data());
}

void give_context_back(HaltedContext& context) {
  if (context.frame == nullptr || !context.floating_point) return;
  const FloatingPointUnit unit;
  load_high_floating_point(context.high.data());
}

MV_FLASH_CODE void read_context(const HaltedContext& context, ApplicationRegisters& to) {
  const Frame& frame = *context.frame;
  to = ApplicationRegisters{};
  for (unsigned i = 0; i < 4; ++i) to[i] = frame.arguments.r[i];
  for (unsigned i = 4; i < 12; ++i) to[i] = context.saved[i - 4];
  to[12] = frame.r12;
  to[kRegisterSp] = context.stack_pointer;
  to[kRegisterLr] = frame.lr;
  to[kRegisterPc] = frame.pc;
  to[kRegisterXpsr] = frame.xpsr & ~kPadded;
  read_special(to);
  to[on_process_stack(context) ? kRegisterPsp : kRegisterMsp] = context.stack_pointer;
  if (!context.floating_point) return;
  const std::uint32_t* stacked = stacked_floating_point(context);
  for (unsigned i = 0; i < 16; ++i) to[kRegisterS0 + i] = stacked[i];
  for (unsigned i = 0; i < 16; ++i) to[kRegisterS0 + 16 + i] = context.high[i];
  to[kRegisterFpscr] = stacked[16];
}

MV_FLASH_CODE bool write_context(HaltedContext& context, ApplicationRegister number, std::uint32_t value) {
  if (number == kRegisterSp) return write_stack_pointer(context, value);
  if (number <= kRegisterXpsr) return write_stacked(context, number, value);
  if (number == kRegisterMsp || number == kRegisterPsp)
    return write_named_stack(context, number == kRegisterPsp, value);
  if (number < kRegisterFpscr) return write_special(number, value);
  return number < kApplicationRegisters && write_floating_point(context, number, value);
}

}  // namespace microvisor::firmware::kernel
