// What the kernel keeps across a reset, in the backup SRAM behind the boot status: why the next application
// is started, what made the kernel give up, and what has been learned of the application.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

struct Retained {
  std::uint32_t magic = 0;
  std::uint32_t wake_reason = 0;  // abi::WakeReason of the next start
  std::uint32_t crash_code = 0;   // exception number of the kernel's last crash, 0: none
  std::uint32_t crash_detail = 0;
  std::uint32_t kernel_crashes = 0;  // since power-on
  std::uint32_t restart_pause = 0;   // milliseconds, of the application's series of failures; 0: none
  std::uint32_t compatible = 0;      // application_tag() of the one that needs compatibility mode; 0: none
  std::uint32_t check = 0;           // over all of the above
};

[[nodiscard]] constexpr std::uint32_t retained_check(const Retained& r) {
  // FNV-1a over the words: finds decayed memory, and is no protection against anybody.
  std::uint32_t hash = 0x811C'9DC5;
  for (const std::uint32_t word : {r.magic, r.wake_reason, r.crash_code, r.crash_detail, r.kernel_crashes,
                                   r.restart_pause, r.compatible}) {
    hash = (hash ^ word) * 0x0100'0193;
  }
  return hash;
}

/// How a failure of the kernel is told: its stack ran over (CFSR.STKOF); the chip reported an error of its
/// own (NMI); everything else is a crash. `code` is the exception, `detail` the CFSR if that is a fault.
[[nodiscard]] constexpr abi::WakeReason reason_of_failure(std::uint32_t code, std::uint32_t detail) {
  constexpr std::uint32_t kNmi = 2, kHardFault = 3, kUsageFault = 6;
  constexpr std::uint32_t kStackOverflow = 1u << 20;
  if (code == kNmi) return abi::WakeReason::MICROVISORERROR;
  const bool overflow = (code == kHardFault || code == kUsageFault) && (detail & kStackOverflow) != 0;
  return overflow ? abi::WakeReason::MICROVISOROUTOFMEMORY : abi::WakeReason::MICROVISORCRASH;
}

/// Opens the backup SRAM. Once, early.
void open_retained();
/// Takes what the last run left; a default if it left nothing. The memory is cleared, but for the number of
/// crashes and what has been learned of the application.
[[nodiscard]] Retained take_retained();
/// Leaves the reason for the start after the reset that is about to happen.
void retain_wake_reason(abi::WakeReason reason);
void retain_restart_pause(std::uint32_t milliseconds);
void retain_compatibility(std::uint32_t application_tag);
void retain_kernel_crash(std::uint32_t code, std::uint32_t detail);

}  // namespace microvisor::firmware::kernel
