#include "firmware/device/ratchet.hpp"

#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/vault/ratchet.hpp"

namespace microvisor::firmware {

namespace {

constexpr auto read_row = [](std::uint32_t address, storage::Row& row) {
  return stm32u5::probe_flash(address, row);
};

}  // namespace

std::uint32_t security_ratchet() { return vault::count_ratchet(read_row); }

bool raise_security_ratchet(storage::Flash& flash) { return vault::raise_ratchet(flash, read_row); }

}  // namespace microvisor::firmware
