// The security ratchet: below it no kernel is started, and no vault is believed.
//
// It is unary in OTP: as many rows are burnt as there were steps. A row that cannot be read was being burnt
// when the power failed, and counts: the ratchet never goes back. There are two rows more than steps, for
// rows that take no programming, so the count is over all rows, with gaps.
//
// The vault keeps a copy, at least as high as OTP whenever this kernel has run. So a vault that was put back
// to an older state, before a step, is below OTP and is refused: its settings, its pending update and its
// application are forgotten. What identifies the device stands in pages of its own and is not.
#pragma once

#include <algorithm>
#include <cstdint>

#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::vault {

/// Steps taken. `read(address, row)` reads a row of OTP and is false if that has an ECC error.
template <typename ReadRow>
[[nodiscard]] std::uint32_t count_ratchet(ReadRow read) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < kRatchetRows; ++i) {
    storage::Row row;
    const bool blank = read(kOneTimeProgrammable + i * storage::kRowSize, row) && storage::is_blank(row);
    count += blank ? 0 : 1;
  }
  return std::min(count, kRatchetSteps);
}

/// One step more: burns the first row that is blank, or, if that takes no programming, the next. False if the
/// ratchet is at its end or no row takes it.
template <typename ReadRow>
[[nodiscard]] bool raise_ratchet(storage::Flash& flash, ReadRow read) {
  const std::uint32_t before = count_ratchet(read);
  if (before >= kRatchetSteps) return false;
  for (std::uint32_t i = 0; i < kRatchetRows; ++i) {
    const std::uint32_t address = kOneTimeProgrammable + i * storage::kRowSize;
    storage::Row row;
    if (!read(address, row) || !storage::is_blank(row)) continue;
    (void)flash.program_row(address, storage::Row{});  // what it says is seen by reading
    if (count_ratchet(read) > before) return true;
  }
  return false;
}

/// Looks at the vault's copy after Store::mount(). False if it is below `ratchet`, that of OTP: then
/// everything else in the journal has been removed, and accept_ratchet() is still due.
[[nodiscard]] bool check_vault_age(Store& store, std::uint32_t ratchet);

/// The last step of a start: the vault's copy becomes at least `ratchet` (the greater one of OTP's and the
/// running kernel's, so that the vault is never behind when OTP follows the kernel). False if the flash
/// failed.
[[nodiscard]] bool accept_ratchet(Store& store, std::uint32_t ratchet);

}  // namespace microvisor::firmware::vault
