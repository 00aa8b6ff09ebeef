// What the tests of debug events stand on: Non-secure code under a Secure monitor.
//
// PRIS is set and DebugMonitor stands at 0x70, above all of the Non-secure world, as a secure monitor has it.
// Every handler is `B .` with a BX LR behind it, so a test sees where the core has stopped and sends it back.
#pragma once

#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {

class DebugTest : public SystemTest {
 protected:
  static constexpr unsigned kDemcr = 0xEDFC, kDauthctrl = 0xEE04, kDfsr = 0xED30, kFpCtrl = 0x2000;
  static constexpr std::uint32_t kHalted = 1, kBkpt = 2, kDwtTrap = 4;
  static constexpr std::uint32_t kData = 0x2000'1000;

  DebugTest() {
    for (const World world : {kNonSecure, kSecure}) {
      for (unsigned number = 1; number < kExceptionCount; ++number) {
        place(handler(world, number), {0xE7FE, 0x4770});  // B . ; BX LR
      }
    }
    scs(0xED0C, 0x05FA'4000);  // PRIS
    scs_byte(0xED20, 0x70);    // DebugMonitor
    scs(kDauthctrl, 3);        // SPIDENSEL, INTSPIDEN: SDME without a pin
    scs(kDemcr, kMonEn);
    run_thread(kNonSecure, kProcess);
  }

  void set_breakpoint(unsigned comparator, std::uint32_t address) {
    scs(0x2008 + 4 * comparator, address | 1);
    scs(kFpCtrl, 3);  // KEY, ENABLE
  }
  void enable_step() { scs(kDemcr, scs(kDemcr) | kMonStep); }

  bool in_monitor() const { return core.state.ipsr == kDebugMonitor; }
  /// The frame of Non-secure Thread code on its process stack.
  std::uint32_t frame() const { return stack_of(kNonSecure, kProcess); }
  std::uint32_t stopped_at() { return word(frame() + 0x18); }
  std::uint32_t stopped_psr() { return word(frame() + 0x1C); }
  /// ITSTATE of the frame (RETPSR bits 26:25 and 15:10).
  std::uint32_t stopped_it() {
    const std::uint32_t psr = stopped_psr();
    return (psr >> 25 & 3) | (psr >> 10 & 0x3F) << 2;
  }
  /// DFSR, which is then cleared.
  std::uint32_t reason() {
    const std::uint32_t value = scs(kDfsr);
    scs(kDfsr, value);
    return value;
  }
  /// Has the handler that the core stands in return, and runs `count` instructions after its BX LR.
  void leave_handler(std::int64_t count) {
    core.state.r[15] = handler(core.state.world, core.state.ipsr) + 2;
    go(count + 1);
  }
};

}  // namespace microvisor::board
