// Layout of frames and EXC_RETURN: Armv8-M Architecture Reference Manual, B3.19 and B3.22.
#include "firmware/kernel/resident/crash_registers.hpp"

#include "firmware/drivers/stm32u5/sau.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

void note_special_registers(ApplicationEnd& end, std::uint32_t exc_return) {
  std::uint32_t control = 0, primask = 0, basepri = 0, faultmask = 0;
  asm volatile("mrs %0, msp_ns\n\tmrs %1, psp_ns\n\tmrs %2, msplim_ns\n\tmrs %3, psplim_ns"
               : "=r"(end.msp), "=r"(end.psp), "=r"(end.msplim), "=r"(end.psplim));
  asm volatile("mrs %0, control_ns\n\tmrs %1, primask_ns\n\tmrs %2, basepri_ns\n\tmrs %3, faultmask_ns"
               : "=r"(control), "=r"(primask), "=r"(basepri), "=r"(faultmask));
  end.control = static_cast<std::uint8_t>(control);
  end.primask = static_cast<std::uint8_t>(primask);
  end.basepri = static_cast<std::uint8_t>(basepri);
  end.faultmask = static_cast<std::uint8_t>(faultmask);
  end.exc_return = exc_return;
  end.mmfar = scb().mmfar;
  end.bfar = scb().bfar;
  end.sfar = sau().sfar;
  end.mmfar_nonsecure = scb_nonsecure().mmfar;
}

void note_frame_registers(ApplicationEnd& end, const Frame& frame, std::uint32_t exc_return) {
  constexpr std::uint32_t kBasicFrame = 0x20;
  constexpr std::uint32_t kExtendedFrame = 0x68;
  constexpr std::uint32_t kNoFloatingPoint = 1u << 4;  // EXC_RETURN.FType
  constexpr std::uint32_t kPadded = 1u << 9;           // of the stacked xPSR: SP was not a multiple of 8
  end.exc_return = exc_return;
  for (unsigned i = 0; i < 4; ++i) end.r[i] = frame.arguments.r[i];
  end.r[12] = frame.r12;
  end.lr = frame.lr;
  end.pc = frame.pc;
  end.xpsr = frame.xpsr;
  const std::uint32_t size = (exc_return & kNoFloatingPoint) != 0 ? kBasicFrame : kExtendedFrame;
  end.sp = reinterpret_cast<std::uint32_t>(&frame) + size + ((frame.xpsr & kPadded) != 0 ? 4 : 0);
  end.frame_known = true;
}

void note_callee_registers(ApplicationEnd& end, const std::uint32_t* saved) {
  if (end.callee_known) return;
  for (unsigned i = 4; i < 12; ++i) end.r[i] = saved[i - 4];
  end.callee_known = true;
}

}  // namespace microvisor::firmware::kernel
