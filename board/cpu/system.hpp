// What the execution half asks of the system half.
//
// Functions that can fault return false after having *recorded* the fault (status registers set, exception
// made pending); the caller then abandons the instruction without changing state, and calls take_fault().
#pragma once

#include <cstdint>

#include "board/bus/archive.hpp"
#include "board/cpu/core.hpp"

namespace microvisor::board {

enum class AccessType : std::uint8_t { Read, Write, Fetch };

/// Result of SAU, IDAU and MPU for one address: what the access looks like on the bus and how far that answer
/// reaches.
struct Attribution {
  enum class Fault : std::uint8_t { None, SecureData, SecureFetch, SecureTransition, Mpu };
  Fault fault = Fault::None;
  bool bus_secure = true;  ///< attribute of the transaction: the address's for data, the state's for PPB
  bool bus_privileged = true;
  bool nonsecure_callable = false;  ///< of the address
  bool device = false;              ///< Device memory: unaligned accesses fault, never executable
  bool ppb = false;        ///< inside 0xE000_0000-0xE00F_FFFF: goes to read_ppb()/write_ppb(), not to the bus
  std::uint32_t base = 0;  ///< the answer is the same for all of [base, limit], both inclusive
  std::uint32_t limit = 0;
};

/// Checks one access of the current world at `address`. `privileged` is that of the access (LDRT passes
/// false).
Attribution attribute(const Core& core, std::uint32_t address, AccessType type, bool privileged);

/// The same for an access made on behalf of another state: stacking uses world and privilege of the
/// interrupted code, a vector fetch those of the target with `use_mpu` false (default memory map).
///
/// The execution half caches answers per world and privilege. Whoever changes what an answer depends on (SAU,
/// MPU, CCR, and an execution priority that becomes or ceases to be negative while MPU_CTRL.HFNMIENA is 0)
/// calls flush_tlb().
Attribution attribute_as(const Core& core, std::uint32_t address, AccessType type, World world,
                         bool privileged, bool use_mpu);
/// CCR.UNALIGN_TRP and CCR.DIV_0_TRP of the current world.
bool unaligned_traps(const Core& core);
bool divide_traps(const Core& core);

// --- life cycle --------------------------------------------------------------------------------------
/// Brings the registers of the system half to their reset values; VTOR_S = `vector_table`. Called by
/// Core::reset() before SP and PC are read.
void reset_system(Core& core, std::uint32_t vector_table);
void serialise_system(Core& core, Archive& archive);

// --- faults ------------------------------------------------------------------------------------------
enum class UsageFault : std::uint8_t {
  Undefined,
  InvalidState,
  InvalidPc,
  NoCoprocessor,
  StackOverflow,
  Unaligned,
  DivideByZero
};

void record_usage_fault(Core& core, UsageFault kind);
/// For a failed attribute() (SecureFault or MemManage). `address` goes to SFAR or MMFAR for data.
void record_access_fault(Core& core, Attribution::Fault fault, AccessType type, std::uint32_t address);
void record_bus_fault(Core& core, AccessType type, std::uint32_t address);
/// A data bus error of `world` that CCR.BFHFNMIGN hides at negative priority: the status is recorded, and the
/// access counts as done, with zero for its value. `frame` says that it was one of stacking. False: it is not
/// hidden, and nothing has been recorded.
bool ignore_bus_error(Core& core, AccessType type, std::uint32_t address, World world, bool frame);
/// Enters the exception for the fault recorded last; `return_address` is the faulting instruction's. Handles
/// escalation, derived faults and lockup; may take a more urgent pending exception first. On return the state
/// is that of the handler (or core.state.locked_up).
void take_fault(Core& core, std::uint32_t return_address);

// --- between instructions ----------------------------------------------------------------------------
/// Called when core.attention is set: takes the most urgent exception that can be taken now, if any (the
/// return address is state.r[15], the next instruction). False when execute() has to stop (reset request,
/// lockup).
bool service(Core& core);

// --- instructions of the system half ---------------------------------------------------------------------
// state.r[15] is the instruction\'s own address; `next` the following one. Each sets r[15] to where execution
// goes on, also when an exception was entered.
void execute_svc(Core& core, std::uint32_t next);
/// BKPT other than a semihosting call that the interpreter has taken for itself.
void execute_breakpoint(Core& core);
void execute_wfi(Core& core, std::uint32_t next);
void execute_wfe(Core& core, std::uint32_t next);
void execute_sev(Core& core);
void execute_secure_gateway(Core& core, std::uint32_t next);                        // SG
void execute_branch_nonsecure(Core& core, std::uint32_t target);                    // BXNS with bit 0 clear
void execute_call_nonsecure(Core& core, std::uint32_t target, std::uint32_t next);  // BLXNS
enum class MagicBranch : std::uint8_t {
  Ordinary,  ///< not magic in this state
  Done,
  Refused,  ///< FNC_RETURN: a fault of the branch itself has been recorded, and nothing else has happened
};
/// BX, POP {pc}, LDR pc and LDM pc with a value of 0xFExx_xxxx or 0xFFxx_xxxx, which may be EXC_RETURN or
/// FNC_RETURN.
MagicBranch branch_magic(Core& core, std::uint32_t target);
/// TT family. Bits of `variant`: 1 = T (unprivileged), 2 = A (non-secure view).
std::uint32_t test_target(const Core& core, std::uint32_t address, unsigned variant);
std::uint32_t read_special(const Core& core, unsigned sysm);  // MRS
/// MSR; mask is the 2-bit field. False: a fault was recorded (stack limit of MSR SP_NS).
bool write_special(Core& core, unsigned sysm, unsigned mask, std::uint32_t value);
/// The banked special registers, by their SYSm of MRS and MSR (DDI0553 C2.4).
enum class SpecialRegister : std::uint8_t {
  Msp = 8,
  Psp = 9,
  MspLim = 10,
  PspLim = 11,
  Primask = 16,
  Basepri = 17,
  Faultmask = 19,
  Control = 20,
};
/// Those of either world, whoever runs; other values read zero and change nothing.
std::uint32_t peek_special(const Core& core, World world, SpecialRegister which);
void poke_special(Core& core, World world, SpecialRegister which, std::uint32_t value);
void change_processor_state(Core& core, bool disable, bool primask, bool faultmask);  // CPS
/// VLSTM and VLLDM (Rn = `address`): allocate and give back the FP context around a call to non-secure code.
/// False: a fault was recorded. Undefined in Non-secure state (the decoder's business).
bool execute_vlstm(Core& core, std::uint32_t address);
bool execute_vlldm(Core& core, std::uint32_t address);
/// False (with NOCP recorded) if the current state may not use the FPU; otherwise does what the first FP
/// instruction has to (lazy save, new context).
bool prepare_fp(Core& core);

/// The limit below which the stack pointer in use may not go; 0 if no check applies.
std::uint32_t stack_limit(const Core& core);

// --- debug events ------------------------------------------------------------------------------------------
/// Asked before the instruction at `address` is executed, if core.watch has it and its fetch has succeeded.
/// False: DebugMonitor is pending, take_fault() is due instead of the instruction.
bool before_watched_instruction(Core& core, std::uint32_t address);
/// A completed data access to something in core.watch; `value` has `size` significant bytes.
void watch_access(Core& core, std::uint32_t address, unsigned size, std::uint32_t value, bool read,
                  World world);
/// DEMCR.MON_STEP holds for the code at hand: instructions are executed one by one, each between
/// begin_step() and end_step(). `attention` stays set meanwhile.
bool monitor_steps(const Core& core);
void begin_step(Core& core);
/// `executed` is false if nothing happened after all (busy memory, semihosting).
void end_step(Core& core, bool executed);

// --- private peripheral bus ----------------------------------------------------------------------------
/// `secure` and `privileged` are the attributes of the access. False: record_bus_fault() is due.
bool read_ppb(Core& core, std::uint32_t address, unsigned size, bool secure, bool privileged,
              std::uint32_t& value);
bool write_ppb(Core& core, std::uint32_t address, unsigned size, bool secure, bool privileged,
               std::uint32_t value);
/// The word at `address` as `world` sees it, without side effects and without checks.
std::uint32_t peek_ppb_register(const Core& core, std::uint32_t address, World world);

// --- what Core's own functions are made of -------------------------------------------------------------
// The constructor makes `system` as std::make_unique<SystemUnits>(*this) (system_units.hpp).
/// VTOR of a world, as the reset logic sets it: 7 low bits cleared, locks ignored.
void set_vector_table(Core& core, World world, std::uint32_t address);
/// Core::set_line() and Core::raise_nmi().
void set_interrupt_line(Core& core, unsigned line, bool level);
void pend_nmi(Core& core);
/// Sets the event register: ends a WFE, or the next one.
void register_event(Core& core);

// --- what the rest of the board asks -------------------------------------------------------------------
/// HCLK or the SysTick reference clock (RCC CCIPR1.SYSTICKSEL: HCLK/8, LSI, LSE) has changed; periods in
/// ticks of the scheduler. To be called whenever RCC changes them, so that the counts so far are kept. Until
/// the first call the periods are Scheduler::instruction_ticks() and eight times that.
void set_systick_clocks(Core& core, Time processor_period, Time external_period);
/// The chip drives other levels on the authentication inputs (its life-cycle state has changed).
void set_debug_authentication(Core& core, const DebugAuthentication& levels);
/// SCR.SLEEPDEEP at the moment of Stop::Asleep: the low-power controller decides how deep.
[[nodiscard]] bool deep_sleep_requested(const Core& core);
/// In deep sleep HCLK stands: the SysTicks stop counting and go on afterwards.
void stop_core_clock(Core& core);
void start_core_clock(Core& core);

}  // namespace microvisor::board
