// Start-up of the kernel: from the bootrom's jump to the application's first instruction.
//
// The vector table in flash serves only the bootrom, which finds stack pointer and entry there; the one in
// use lies in RAM, like every handler. Thread mode runs on the process stack, so that exceptions have the
// main stack for themselves.
#include <array>
#include <cstdint>

#include "firmware/boot_status.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/pka.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/rng.hpp"
#include "firmware/drivers/stm32u5/rtc.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/application.hpp"
#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/host.hpp"
#include "firmware/kernel/isolation.hpp"
#include "firmware/kernel/link/link.hpp"
#include "firmware/kernel/link/modem_line.hpp"
#include "firmware/kernel/resident/fast_interrupts_device.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/retained.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/resident/stacks.hpp"
#include "firmware/kernel/sleep.hpp"
#include "firmware/kernel/station.hpp"
#include "firmware/kernel/storage.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

extern "C" {
void nmi_handler();
void fault_handler();
void secure_fault_handler();
void svc_handler();
void debug_monitor_handler();
void pendsv_handler();
void timer_handler();
void tasklet_handler();
void fast_interrupt_handler();
void overdue_handler();
void watchdog_handler();
void illegal_access_handler();
void unexpected_handler();
[[noreturn]] void reset_handler();
[[noreturn]] void kernel_main();
}

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" {
alignas(8) MV_NOINIT std::uint32_t kernel_main_stack[kMainStackSize / 4];
alignas(8) MV_NOINIT std::uint32_t kernel_thread_stack[kThreadStackSize / 4];
alignas(8) MV_NOINIT std::uint32_t kernel_worker_stack[kWorkerStackSize / 4];
}

namespace {

using Handler = void (*)();
constexpr unsigned kVectors = 16 + Nvic::kLines;
constexpr std::uint32_t kWatchdogSeconds = 30;
constexpr std::uint32_t kWatchdogWarning = 2;  // seconds; the worker feeds every second at least

alignas(1024) __attribute__((section(".ram_vectors"))) std::array<Handler, kVectors> vectors;

// Big integers, certificates and the TLS session of the link.
alignas(8) MV_NOINIT std::array<std::uint8_t, kCryptoArena> crypto_arena;

void fill_vectors() {
  vectors.fill(unexpected_handler);
  vectors[2] = nmi_handler;
  vectors[3] = vectors[4] = vectors[5] = vectors[6] = fault_handler;
  vectors[7] = secure_fault_handler;
  vectors[11] = svc_handler;
  vectors[12] = debug_monitor_handler;
  vectors[14] = pendsv_handler;
  vectors[15] = overdue_handler;
  for (unsigned line = 0; line < Nvic::kLines; ++line) {
    if (!line_is_reserved(line)) vectors[16 + line] = fast_interrupt_handler;
  }
  vectors[16 + kLineIwdg] = watchdog_handler;
  vectors[16 + kLineGtzc] = illegal_access_handler;
  vectors[16 + kLineTim5] = timer_handler;
  vectors[16 + kLineUsart1] = vectors[16 + kLineLpuart1] = link::modem_line_interrupt;
  vectors[16 + kLineOtfdec1] = tasklet_handler;
  scb().vtor = reinterpret_cast<std::uint32_t>(vectors.data());
  full_barrier();
}

void set_priorities() {
  for (const unsigned exception : {4u, 5u, 6u, 15u}) scb().shpr[priority_index(exception)] = kPriorityFault;
  for (const unsigned exception : {7u, 11u}) scb().shpr[priority_index(exception)] = kPriorityCall;
  scb().shpr[priority_index(14)] = kPriorityWorker;
  nvic().ipr[kLineIwdg] = kPriorityTimer;
  nvic().ipr[kLineGtzc] = kPriorityDevice;
  nvic().ipr[kLineUsart1] = nvic().ipr[kLineLpuart1] = kPriorityDevice;
  nvic().ipr[kLineOtfdec1] = kPriorityCall;
}

void seal_stacks() {
  for (const std::uint32_t seal : {main_stack_seal(), thread_stack_seal(), worker_stack_seal()}) {
    auto* words = reinterpret_cast<volatile std::uint32_t*>(seal);
    words[0] = kStackSeal;
    words[1] = kStackSeal;
  }
  worker_context.main_limit = reinterpret_cast<std::uint32_t>(kernel_main_stack);
  worker_context.worker_limit = reinterpret_cast<std::uint32_t>(kernel_worker_stack);
  worker_context.main_top = main_stack_seal();
  worker_context.thread_top = thread_stack_seal();
}

void start_modem_lines() {
  rcc().apb3enr = rcc().apb3enr | (1u << 6);   // LPUART1, from PCLK3
  rcc().apb2enr = rcc().apb2enr | (1u << 14);  // USART1, from PCLK2
  (void)rcc().apb3enr;
  (void)rcc().apb2enr;
  link::modem_lines_start(kSystemClock);
  enable_line(kLineUsart1);
  enable_line(kLineLpuart1);
}

/// Says how far the boot has come to whoever reads the backup SRAM; returns the reset causes that preboot
/// found.
std::uint32_t update_boot_status() {
  auto& status = *reinterpret_cast<volatile BootStatus*>(kBootStatus);
  if (status.magic != kBootStatusMagic) return rcc().csr;
  status.stage = BootStage::Kernel;
  status.code = BootCode::Running;
  return status.reset_cause;
}

/// An own source of the application's goes before Microvisor's.
abi::WakeReason reason_of_wake_up(const SleepEnd& end) {
  constexpr std::uint32_t kPins = 0x7F;  // WKUP1 to WKUP7
  if ((end.rtc_flags & (Rtc::kAlarmAFlag | Rtc::kWakeUpFlag)) != 0)
    return abi::WakeReason::DEEPSLEEPAPPLICATIONRTC;
  if ((end.wakeup_pins & kPins) != 0) return abi::WakeReason::DEEPSLEEPAPPLICATION;
  if ((end.rtc_flags & Rtc::kAlarmBFlag) != 0) return abi::WakeReason::DEEPSLEEPCHECKIN;
  return abi::WakeReason::DEEPSLEEPOTHER;
}

abi::WakeReason wake_reason(std::uint32_t reset_causes, bool installed, const Retained& retained) {
  constexpr std::uint32_t kSoftware = 1u << 28;
  constexpr std::uint32_t kWatchdog = 1u << 29;
  constexpr std::uint32_t kOptionBytes = 1u << 25;
  constexpr std::uint32_t kOthers = 3u << 30;  // window watchdog, forbidden low-power mode
  const SleepEnd sleep = take_sleep_end();
  if (installed) return abi::WakeReason::APPLICATIONUPDATE;
  if (sleep.from_standby) return reason_of_wake_up(sleep);
  if ((reset_causes & kWatchdog) != 0) return abi::WakeReason::MICROVISORWATCHDOG;
  if ((reset_causes & kOptionBytes) != 0) return abi::WakeReason::OPTIONBYTES;
  if ((reset_causes & kOthers) != 0) return abi::WakeReason::MICROVISORERROR;
  if ((reset_causes & kSoftware) != 0) return static_cast<abi::WakeReason>(retained.wake_reason);
  return abi::WakeReason::COLDBOOT;
}

/// Start-up code uses the block (keys in manifests), then the worker (TLS, signatures of updates). Should it
/// not start, its operations fail, and with them the link.
void start_public_key_unit() {
#if defined(MICROVISOR_HARDWARE_CRYPTO)
  (void)start_pka();
#endif
}

/// From now on the block is the worker's; while it computes, the application runs.
void give_public_key_unit_to_worker() {
#if defined(MICROVISOR_HARDWARE_CRYPTO)
  constexpr std::uint64_t kPoll = 500;  // microseconds; an operation takes about 20,000
  set_pka_wait([] { worker_wait_until(clock_microseconds() + kPoll); });
#endif
}

[[noreturn]] void worker_main() {
  if (certificate_is_due()) meet_station();
  link::link_main(link_host());
}

}  // namespace

[[noreturn]] void main() {
  fill_vectors();
  set_priorities();
  open_retained();
  const std::uint32_t reset_causes = update_boot_status();
  raise_clock();
  start_watchdog(kWatchdogSeconds, kWatchdogWarning);
  crypto::initialise_memory(crypto_arena);
  start_rng();
  start_public_key_unit();
  isolate();
  start_crystal();
  const bool updated = start_storage();

  Services& s = services();
  const auto sid = identity().device_sid.span();
  for (std::size_t i = 0; i < s.device_id.size(); ++i)
    s.device_id[i] = i < sid.size() ? static_cast<char>(sid[i]) : '0';
  s.factory_test = factory_test() == vault::FactoryTest::Testing;
  const Retained retained = take_retained();
  const abi::WakeReason reason = wake_reason(reset_causes, updated, retained);
  const bool installed =
      updater().check_application() == crypto::Verdict::Valid && factory_test() != vault::FactoryTest::Passed;
  // If the lock does not hold, nothing the application could do to the flash would be refused: it does not
  // run.
  const bool locked = lock_flash();

  enable_line(kLineGtzc);
  clear_watchdog_warning();
  clear_pending_line(kLineIwdg);
  enable_line(kLineIwdg);
  enable_line(kLineOtfdec1);
  start_modem_lines();
  prepare_application(installed && locked, reason, retained);
  give_public_key_unit_to_worker();
  start_scheduler(worker_main);
  start_fast_interrupts();
  run_application(retained);
}

}  // namespace microvisor::firmware::kernel

void kernel_main() {
  microvisor::firmware::kernel::seal_stacks();
  microvisor::firmware::kernel::main();
}

/// Copies RAM code and data, clears the rest, runs constructors. On the main stack. Word by word: memcpy is
/// among what is copied, so the compiler must not make calls to it out of these loops (volatile).
extern "C" void initialise_memory() {
  using Constructor = void (*)();
  extern Constructor __init_array_start[], __init_array_end[];
  volatile std::uint32_t* to = data_start;
  for (const std::uint32_t* from = data_load; to != data_end; ++from, ++to) *to = *from;
  for (to = bss_start; to != bss_end; ++to) *to = 0;
  for (Constructor* constructor = __init_array_start; constructor != __init_array_end; ++constructor) {
    (*constructor)();
  }
}

/// First instruction of the kernel. Thread mode moves to its own stack before anything that matters.
__attribute__((naked)) void reset_handler() {
  asm volatile(
      "cpsid i\n\t"
      "ldr r0, =kernel_main_stack\n\t"
      "msr msplim, r0\n\t"
      "bl initialise_memory\n\t"
      "ldr r0, =kernel_thread_stack\n\t"
      "ldr r1, =%c0\n\t"
      "adds r1, r0\n\t"
      "msr psp, r1\n\t"
      "msr psplim, r0\n\t"
      "movs r0, #2\n\t"
      "msr control, r0\n\t"
      "isb\n\t"
      "cpsie i\n\t"
      "bl kernel_main\n\t"
      "b .\n\t"
      ".ltorg"
      :
      : "i"(microvisor::firmware::kernel::kThreadStackSize - 8));
}

namespace {
struct BootVectors {
  const std::uint32_t* stack_pointer;
  void (*entry)();
};
}  // namespace

/// What the bootrom looks at.
extern "C" __attribute__((section(".vectors"), used)) const BootVectors boot_vectors{
    microvisor::firmware::kernel::kernel_main_stack + microvisor::firmware::kernel::kMainStackSize / 4 - 2,
    reset_handler};
