// Driver of the embedded flash. The functions that run while a bank is busy lie in RAM, so that interrupts
// are served during an operation on bank 2, where our own code lies.
#include "firmware/drivers/stm32u5/flash.hpp"

#include <cstring>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/icache.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

using storage::FlashStatus;

using Target = FlashTarget;

Target target_of(std::uint32_t address) {
  FlashController& flash = flash_controller();
  const bool secure = (address & 0x0400'0000) != 0;  // 0x0C.. aliases
  const std::uint32_t offset = address & 0x1F'FFFF;
  const std::uint32_t page = (offset / kPageSize) % kPagesPerBank;
  const bool bank2 = offset >= kPagesPerBank * kPageSize;
  Target target{};
  target.key = secure ? &flash.seckeyr : &flash.nskeyr;
  target.control = secure ? &flash.seccr : &flash.nscr;
  target.status = secure ? &flash.secsr : &flash.nssr;
  target.page_bits = (page << FlashController::kPageShift) | (bank2 ? FlashController::kBank2 : 0u);
  target.line = secure ? kLineFlashSecure : kLineFlash;
  target.bank2 = bank2;
  return target;
}

void unlock(const Target& target) {
  if ((*target.control & FlashController::kLock) == 0) return;
  *target.key = FlashController::kKey1;
  *target.key = FlashController::kKey2;
}

void lock(const Target& target) { *target.control = FlashController::kLock; }

/// Waits until the operation is over. From RAM: the bank being written cannot be fetched from.
MV_RAM_CODE std::uint32_t wait_done(volatile std::uint32_t* status) {
  while ((*status & (FlashController::kBusy | FlashController::kWaitingForData)) != 0) {
  }
  return *status;
}

/// Hands a row or a burst over and waits. The words must follow each other without another flash write in
/// between; the secure side has one writer, and the non-secure side cannot write flash at all.
MV_RAM_CODE std::uint32_t write_words(std::uint32_t address, const std::uint32_t* words, std::uint32_t count,
                                      volatile std::uint32_t* status) {
  auto* to = reinterpret_cast<volatile std::uint32_t*>(address);
  for (std::uint32_t i = 0; i < count; ++i) to[i] = words[i];
  data_barrier();
  return wait_done(status);
}

MV_RAM_CODE std::uint32_t start_erase(volatile std::uint32_t* control, std::uint32_t value,
                                      volatile std::uint32_t* status) {
  *control = value;
  data_barrier();
  return wait_done(status);
}

/// Waits for the end of an operation asleep: milliseconds of nothing to do, before the application runs.
/// Interrupts are masked, so the controller's interrupt only wakes (a pending enabled line ends WFI whatever
/// PRIMASK says: Armv8-M Architecture Reference Manual, B3.29).
std::uint32_t sleep_until_done(const Target& target) {
  std::uint32_t primask = 0;
  asm volatile("mrs %0, primask\n cpsid i" : "=r"(primask) : : "memory");
  enable_line(target.line);
  while ((*target.status & (FlashController::kBusy | FlashController::kWaitingForData)) != 0) {
    data_barrier();
    asm volatile("wfi" : : : "memory");
  }
  const std::uint32_t status = *target.status;
  *target.status = FlashController::kEndOfOperation;
  disable_line(target.line);
  clear_pending_line(target.line);
  asm volatile("msr primask, %0" : : "r"(primask) : "memory");
  return status;
}

/// Error flags left behind by an earlier operation would make the next one fail (PGSERR).
void clear_errors(const Target& target) {
  (void)wait_done(target.status);
  *target.status = FlashController::kErrors;
}

}  // namespace

void InternalFlash::before_read() {
  if (!cache_stale_) return;
  icache_invalidate();
  cache_stale_ = false;
}

FlashStatus InternalFlash::read(std::uint32_t address, std::span<std::uint8_t> out) {
  before_read();
  return probe_flash(address, out) ? FlashStatus::Ok : FlashStatus::Unreadable;
}

FlashStatus InternalFlash::read_row(std::uint32_t address, storage::Row& row) { return read(address, row); }

FlashStatus InternalFlash::program(std::uint32_t address, const std::uint8_t* data, std::uint32_t words,
                                   std::uint32_t mode) {
  alignas(4) std::uint32_t copy[32];
  std::memcpy(copy, data, words * sizeof(std::uint32_t));
  const Target target = target_of(address);
  unlock(target);
  clear_errors(target);
  std::uint32_t status = 0;
  if (!sleeps(target)) {
    *target.control = mode;
    status = write_words(address, copy, words, target.status);
  } else {
    *target.control = mode | FlashController::kEndInterrupts;
    auto* to = reinterpret_cast<volatile std::uint32_t*>(address);
    for (std::uint32_t i = 0; i < words; ++i) to[i] = copy[i];
    status = sleep_until_done(target);
    if (yield_ != nullptr) yield_();
  }
  return finish(target, status);
}

FlashStatus InternalFlash::finish(const Target& target, std::uint32_t status) {
  *target.control = 0;
  lock(target);
  cache_stale_ = true;
  if ((status & FlashController::kErrors) == 0) return FlashStatus::Ok;
  *target.status = FlashController::kErrors;
  return FlashStatus::Failed;
}

FlashStatus InternalFlash::program_row(std::uint32_t address, const storage::Row& row) {
  return program(address, row.data(), 4, FlashController::kProgram);
}

FlashStatus InternalFlash::program_burst(std::uint32_t address, std::span<const std::uint8_t, 128> data) {
  return program(address, data.data(), 32, FlashController::kProgram | FlashController::kBurst);
}

FlashStatus InternalFlash::erase_page(std::uint32_t address) {
  const Target target = target_of(address);
  unlock(target);
  clear_errors(target);
  const std::uint32_t value = FlashController::kPageErase | target.page_bits | FlashController::kStart;
  if (!sleeps(target)) return finish(target, start_erase(target.control, value, target.status));
  *target.control = value | FlashController::kEndInterrupts;
  const std::uint32_t status = sleep_until_done(target);
  if (yield_ != nullptr) yield_();
  return finish(target, status);
}

}  // namespace microvisor::firmware::stm32u5
