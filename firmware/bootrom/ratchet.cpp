#include "firmware/bootrom/ratchet.hpp"

#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"

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

}  // namespace microvisor::firmware
