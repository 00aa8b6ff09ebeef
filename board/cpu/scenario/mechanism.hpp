// What the two sides of the mechanism share: how a run is set up, and registers. Freestanding.
//
// One image does all variants. The host writes the set-up into Non-secure memory before the first
// instruction (mechanism_variants.hpp has the variants, and what must become of them).
#pragma once

#include <cstdint>

using Word = std::uint32_t;

enum class Gate : Word {
  Trap,                ///< plain Secure addresses: SecureFault performs the call
  Veneer,              ///< SG, and BASEPRI_S raised inside
  VeneerClosed,        ///< SG, then SVC, which performs the call and returns to the caller without a window
  VeneerMasked,        ///< SG behind a Non-secure shim that masks the interrupts
  VeneerClosedMasked,  ///< both: shows that the closed gateway itself is right
};

struct Setup {
  Gate gate = Gate::Trap;
  Word worker_priority = 0xF0;    ///< of PendSV_S while nothing boosts it
  Word switcher_priority = 0xF0;  ///< of PendSV_NS, which switches tasks, and SysTick_NS
  Word ticks = 2000;              ///< of SysTick_NS (4,000 clocks each) until the end
  Word parked = 0;                ///< tasks 1 to this make a call which waits in Secure Thread mode
  Word masked_spins = 0;          ///< task 1 spins that often with its interrupts masked, now and then
  Word fast_interrupts = 0;       ///< line 2 goes to the Secure side, which calls the Non-secure handler
  Word halts = 0;                 ///< task 2 runs into a breakpoint, now and then
  Word floats = 1;  ///< tasks use the FPU; not for gateways, whose Secure side would have to save it
};

inline constexpr Word kSetupAddress = 0x282D'0000;
/// Figures that the run logs, in this order.
enum Figure : Word {
  kErrors,
  kCalls,
  kRestarts,
  kSlices,
  kParks,
  kWorkerLoops,
  kTaskSwitches,
  kTicks,
  kBoosts,
  kFastInterrupts,
  kHalts,
  kFigures
};
