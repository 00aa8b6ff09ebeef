// Driver of the embedded flash. The functions that run while a bank is busy lie in RAM, so that interrupts
// are served during an operation on bank 2, where our own code lies.
#include "firmware/drivers/stm32u5/flash.hpp"

#include <cstring>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/icache.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

using storage::FlashStatus;

/// Which controller rules an address, and its bits for it.
struct Target {
  volatile std::uint32_t* key;
  volatile std::uint32_t* control;
  volatile std::uint32_t* status;
  std::uint32_t page_bits;
  bool bank2;
};

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
  *target.control = mode;
  const std::uint32_t status = write_words(address, copy, words, target.status);
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
  const std::uint32_t value = FlashController::kPageErase | target.page_bits;
  std::uint32_t status = 0;
  if (target.bank2 || yield_ == nullptr) {
    status = start_erase(target.control, value | FlashController::kStart, target.status);
  } else {
    *target.control = value | FlashController::kStart;
    while ((*target.status & FlashController::kBusy) != 0) yield_();
    status = *target.status;
  }
  *target.control = 0;
  lock(target);
  cache_stale_ = true;
  if ((status & FlashController::kErrors) == 0) return FlashStatus::Ok;
  *target.status = FlashController::kErrors;
  return FlashStatus::Failed;
}

}  // namespace microvisor::firmware::stm32u5
