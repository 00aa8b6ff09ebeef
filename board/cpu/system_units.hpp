// The units of the system half as plain data: NVIC, System Control Block, SAU, MPUs, SysTicks, FP context,
// debug.
//
// One rule: nothing here decides anything. The structs are what a snapshot holds and what the register files
// show; the rules of the architecture are in the .cpp files of this folder. Banked fields are arrays indexed
// by World. An exception that exists once (NMI, BusFault, SecureFault, DebugMonitor) is kept in the slot of
// kSecure, whatever world it targets at the moment (see target_world() in exceptions.hpp).
//
// SystemUnits belongs to one Core and lives on that board's thread.
#pragma once

#include <array>
#include <cstdint>

#include "board/bus/scheduler.hpp"
#include "board/cpu/state.hpp"

namespace microvisor::board {

/// Exception numbers (Armv8-M ARM, B3.9); an interrupt line n is kFirstInterrupt + n.
enum Exception : unsigned {
  kNoException = 0,
  kReset = 1,
  kNmi = 2,
  kHardFault = 3,
  kMemManage = 4,
  kBusFault = 5,
  kUsageFault = 6,
  kSecureFault = 7,
  kSvCall = 11,
  kDebugMonitor = 12,
  kPendSv = 14,
  kSysTick = 15,
  kFirstInterrupt = 16,
};

/// Interrupt lines of the STM32U585 (RM0456, table of interrupts: positions 0 to 125).
inline constexpr unsigned kInterruptLines = 126;
inline constexpr unsigned kExceptionCount = kFirstInterrupt + kInterruptLines;
inline constexpr unsigned kMpuRegions = 8;  // a world
inline constexpr unsigned kSauRegions = 8;

struct Nvic {
  /// One bit a line, in two words of 64.
  using Lines = std::array<std::uint64_t, 2>;
  Lines enabled{};
  Lines pending{};
  Lines active{};
  Lines level{};                             ///< what the peripherals drive
  Lines nonsecure{};                         ///< NVIC_ITNS
  std::array<std::uint8_t, 128> priority{};  ///< upper 4 bits implemented
};

/// Exceptions 1 to 15 and the registers of the System Control Block.
struct SystemControl {
  // One bit an exception number.
  std::array<std::uint32_t, 2> pending{};
  std::array<std::uint32_t, 2> active{};
  std::array<std::uint32_t, 2> enabled{};                  ///< SHCSR.*ENA
  std::array<std::array<std::uint8_t, 16>, 2> priority{};  ///< SHPR1-3 by exception number

  std::array<std::uint32_t, 2> vtor{};
  std::array<std::uint8_t, 2> priority_group{};  ///< AIRCR.PRIGROUP
  bool prioritise_secure = false;                ///< AIRCR.PRIS
  bool faults_nonsecure = false;                 ///< AIRCR.BFHFNMINS
  bool reset_secure_only = false;                ///< AIRCR.SYSRESETREQS
  bool reset_requested = false;                  ///< AIRCR.SYSRESETREQ has been written

  std::array<bool, 2> sleep_on_exit{};  ///< SCR
  std::array<bool, 2> event_on_pending{};
  bool sleep_deep = false;
  bool sleep_deep_secure = false;

  std::array<std::uint32_t, 2> configuration{};  ///< CCR, banked bits (1, 3, 4, 10)
  bool ignore_bus_faults = false;                ///< CCR.BFHFNMIGN
  std::array<std::uint32_t, 2> auxiliary{};      ///< ACTLR

  // Fault status: MMFSR in bits 7:0, BFSR in bits 15:8 (of kSecure only), UFSR in bits 31:16.
  std::array<std::uint32_t, 2> cfsr{};
  std::array<std::uint32_t, 2> mmfar{};
  std::uint32_t hfsr = 0;
  std::uint32_t dfsr = 0;
  std::uint32_t bfar = 0;
  std::uint32_t sfsr = 0;
  std::uint32_t sfar = 0;

  std::array<std::uint32_t, 2> cpacr{};
  std::uint32_t nsacr = 0;
};

struct Sau {
  bool enabled = false;
  bool all_nonsecure = false;  ///< CTRL.ALLNS
  std::uint8_t region_number = 0;
  struct Region {
    std::uint32_t base = 0;   ///< RBAR: bits 31:5
    std::uint32_t limit = 0;  ///< RLAR as written: limit 31:5, NSC 1, ENABLE 0
  };
  std::array<Region, kSauRegions> regions{};
};

struct Mpu {
  std::uint32_t control = 0;  ///< ENABLE 0, HFNMIENA 1, PRIVDEFENA 2
  std::uint8_t region_number = 0;
  struct Region {
    std::uint32_t rbar = 0;
    std::uint32_t rlar = 0;
  };
  std::array<Region, kMpuRegions> regions{};
  std::array<std::uint32_t, 2> mair{};
};

/// A SysTick between two accesses: `value` was right at `anchor`, and one is taken off every `period` ticks
/// since.
struct SysTick {
  bool enabled = false;
  bool interrupt = false;        ///< TICKINT
  bool processor_clock = false;  ///< CLKSOURCE
  bool count_flag = false;
  std::uint32_t reload = 0;
  std::uint32_t value = 0;
  Time anchor = 0;
  Time period = 0;
};

/// FPCCR, FPCAR, FPDSCR. Bits that exist once are kept in the slot of kSecure.
struct FloatContext {
  std::array<std::uint32_t, 2> fpccr{};
  std::array<std::uint32_t, 2> fpcar{};
  std::array<std::uint32_t, 2> fpdscr{};
};

/// Debug registers that software can reach: DEMCR, DAUTHCTRL, FPB, DWT.
struct DebugUnits {
  std::uint32_t demcr = 0;  ///< without MON_PEND and SDME, which stand elsewhere
  /// DEMCR.SDME while DebugMonitor is pending or active; otherwise it follows the authentication.
  bool monitor_secure = false;
  bool reset_seen = true;  ///< DHCSR.S_RESET_ST: there was a reset since the last look
  std::uint32_t dauthctrl = 0;
  std::uint32_t dscsr = 0;
  std::uint32_t dcrdr = 0;
  std::uint32_t fp_control = 0;
  std::array<std::uint32_t, 8> fp_compare{};
  std::uint32_t dwt_control = 0;
  std::uint64_t cycle_origin = 0;  ///< Core::retired when CYCCNT was 0, as far as it counts
  std::uint32_t cycle_frozen = 0;  ///< CYCCNT while it does not count
  std::uint64_t cycle_match = 0;   ///< Core::retired when CYCCNT will be what comparator 0 waits for
  struct Comparator {
    std::uint32_t value = 0;
    std::uint32_t function = 0;  ///< MATCH, ACTION, DATAVSIZE, MATCHED
  };
  std::array<Comparator, 4> dwt{};
};

struct SystemUnits {
  explicit SystemUnits(struct Core& core);

  Nvic nvic;
  SystemControl control;
  Sau sau;
  std::array<Mpu, 2> mpu;
  std::array<SysTick, 2> systick;
  FloatContext fp;
  DebugUnits debug;
  int entering_priority = 0;  ///< of the exception whose vector is being fetched
  /// A fault was recorded that nothing can take: take_fault() locks up.
  bool lockup_due = false;
  /// The instruction being executed is a step of the monitor's (DEMCR.MON_STEP) and has not faulted so far.
  bool step_due = false;
  bool waiting_for_event = false;  ///< asleep in WFE rather than WFI
  bool clocks_stopped = false;     ///< deep sleep: the SysTicks stand still
  Time processor_period = 0;       ///< one HCLK period in ticks of the scheduler
  Time external_period = 0;        ///< one period of the SysTick reference clock
  std::array<Scheduler::Event, 2> systick_due;
  Scheduler::Event cycle_match_due;
};

}  // namespace microvisor::board
