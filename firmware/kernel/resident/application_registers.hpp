// Registers of the application as a debugger names them. The numbers are those on the wire
// (protocol/debug/FORMAT.md).
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::firmware::kernel {

enum ApplicationRegister : std::uint8_t {
  kRegisterR0 = 0,  // to R12
  kRegisterSp = 13,
  kRegisterLr = 14,
  kRegisterPc = 15,
  kRegisterXpsr = 16,
  kRegisterMsp = 17,
  kRegisterPsp = 18,
  kRegisterMspLimit = 19,
  kRegisterPspLimit = 20,
  kRegisterPrimask = 21,
  kRegisterBasepri = 22,
  kRegisterFaultmask = 23,
  kRegisterControl = 24,
  kRegisterFpscr = 25,
  kRegisterS0 = 26,  // to S31
  kApplicationRegisters = 58,
};

/// Indexed by ApplicationRegister. Floating point is zero where the application has no such context.
using ApplicationRegisters = std::array<std::uint32_t, kApplicationRegisters>;

}  // namespace microvisor::firmware::kernel
