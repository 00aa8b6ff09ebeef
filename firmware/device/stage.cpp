// Start-up code and vectors of the boot stages.
#include "firmware/device/stage.hpp"

#include <array>
#include <span>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/image_entry.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

extern "C" {
using Constructor = void (*)();
extern Constructor __init_array_start[], __init_array_end[];
}

namespace microvisor::firmware {

namespace {

using stm32u5::pwr;
using stm32u5::Pwr;
using stm32u5::rcc;
using stm32u5::Rcc;

constexpr std::uint32_t kVectorTableOffset = 0xE000'ED08;  // VTOR of the current (Secure) state

volatile BootStatus& boot_status() { return *reinterpret_cast<volatile BootStatus*>(kBootStatus); }

/// BKPSRAM has a clock gate, and is write-protected with the backup domain (RM0456 section 10.4.5).
void open_backup_ram() {
  rcc().ahb3enr = rcc().ahb3enr | Rcc::kAhb3Pwr;
  rcc().ahb1enr = rcc().ahb1enr | Rcc::kAhb1Backup;
  (void)rcc().ahb1enr;
  pwr().dbpr = pwr().dbpr | Pwr::kDisableBackupProtection;
}

[[noreturn]] void fault() {
  std::uint32_t exception = 0;
  asm volatile("mrs %0, ipsr" : "=r"(exception));
  stop_for_good(BootCode::Fault, exception);
}

/// By hand, because memcpy and memset may lie in the very RAM that is being filled here.
[[noreturn]] __attribute__((optimize("no-tree-loop-distribute-patterns"))) void start() {
  const std::uint32_t* from = data_load;
  for (std::uint32_t* to = data_start; to < data_end; ++to, ++from) *to = *from;
  for (std::uint32_t* to = bss_start; to < bss_end; ++to) *to = 0;
  for (Constructor* constructor = __init_array_start; constructor != __init_array_end; ++constructor)
    (*constructor)();
  stage_main();
}

}  // namespace

void report_boot(BootCode code, std::uint32_t detail) {
  open_backup_ram();
  volatile BootStatus& status = boot_status();
  status.magic = kBootStatusMagic;
  status.stage = kThisStage;
  status.code = code;
  status.detail = detail;
}

void report_choice(std::uint32_t copy, std::uint32_t reset_cause, std::uint32_t record) {
  boot_status().copy = copy;
  boot_status().reset_cause = reset_cause;
  boot_status().record = record;
}

void stop_for_good(BootCode code, std::uint32_t detail) {
  report_boot(code, detail);
  asm volatile("cpsid i");
  for (;;) asm volatile("wfi");
}

bool looks_like_stage(std::uint32_t vectors, std::uint32_t end) {
  std::array<std::uint32_t, 2> words{};
  const auto bytes = std::as_writable_bytes(std::span(words));
  if (!stm32u5::probe_flash(vectors, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}))
    return false;
  return is_image_entry(words[0], words[1], vectors, end);
}

void enter_stage(std::uint32_t vectors) {
  *reinterpret_cast<volatile std::uint32_t*>(kVectorTableOffset) = vectors;
  stm32u5::full_barrier();
  asm volatile(
      "ldr r1, [%0]\n"
      "ldr r2, [%0, #4]\n"
      "msr msp, r1\n"
      "bx r2\n"
      :
      : "r"(vectors)
      : "r1", "r2", "memory");
  __builtin_unreachable();
}

}  // namespace microvisor::firmware

extern "C" {

[[noreturn]] void reset_handler() {
  asm volatile("cpsid i");
  microvisor::firmware::start();
}

static void nmi_handler() {
  if (!microvisor::firmware::stm32u5::handle_flash_nmi()) microvisor::firmware::fault();
}

[[noreturn]] static void fault_handler() { microvisor::firmware::fault(); }

/// Exceptions 0 to 15; interrupts stay off.
__attribute__((section(".vectors"), used)) void (*const stage_vectors[16])() = {
    reinterpret_cast<void (*)()>(main_stack_top),
    reset_handler,
    nmi_handler,
    fault_handler,  // HardFault
    fault_handler,  // MemManage
    fault_handler,  // BusFault
    fault_handler,  // UsageFault
    fault_handler,  // SecureFault
    nullptr,
    nullptr,
    nullptr,
    fault_handler,  // SVCall
    fault_handler,  // DebugMonitor
    nullptr,
    fault_handler,  // PendSV
    fault_handler,  // SysTick
};
}
