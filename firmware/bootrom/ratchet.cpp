#include "firmware/bootrom/ratchet.hpp"

#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware {

std::uint32_t security_ratchet() {
  std::uint32_t count = 0;
  for (; count < kRatchetRows; ++count) {
    storage::Row row;
    const std::uint32_t address = kOneTimeProgrammable + count * storage::kRowSize;
    if (stm32u5::probe_flash(address, row) && storage::is_blank(row)) break;
  }
  return count;
}

bool raise_security_ratchet(storage::Flash& flash) {
  const std::uint32_t row = security_ratchet();
  if (row >= kRatchetRows) return false;
  constexpr storage::Row kBurnt{};
  return flash.program_row(kOneTimeProgrammable + row * storage::kRowSize, kBurnt) ==
         storage::FlashStatus::Ok;
}

}  // namespace microvisor::firmware
