// One table: where each field stands in the registers (RM0456 section 7.9).
#include "firmware/image/option_fields.hpp"

namespace microvisor::firmware::image {

namespace {

struct Place {
  const char* name;
  std::uint32_t OptionBytes::*in;
  unsigned shift;
  unsigned width;
  const char* reason;
};

using O = OptionBytes;

constexpr Place kPlaces[] = {
    {"TZEN", &O::optr, 31, 1, "TrustZone: without it there is no secure world (7.5)"},
    {"DBANK", &O::optr, 21, 1, "two banks: bank 2 is Microvisor's, bank 1 the application's (7.3.1)"},
    {"SWAP_BANK", &O::optr, 20, 1, "bank 2 stays where it is (7.5.8)"},
    {"SRAM2_RST", &O::optr, 25, 1, "0: SRAM2 is erased at each reset (7.4.1)"},
    {"IWDG_SW", &O::optr, 16, 1, "1: the watchdog is started by the kernel (7.4.1)"},
    {"IWDG_STOP", &O::optr, 17, 1, "0: it stands still in Stop modes, where nobody feeds it (7.4.1)"},
    {"IWDG_STDBY", &O::optr, 18, 1, "0: and in Standby (7.4.1)"},
    {"nSWBOOT0", &O::optr, 26, 1, "the pin BOOT0 does not matter once BOOT_LOCK is set (4)"},
    {"nBOOT0", &O::optr, 27, 1, "likewise (4)"},
    {"NSBOOTADD0", &O::nsbootadd0, 7, 25, "not used with TZEN; as delivered (4)"},
    {"NSBOOTADD1", &O::nsbootadd1, 7, 25, "likewise (4)"},
    {"SECWM1_PSTRT", &O::secwm1r1, 0, 7, "behind its end: bank 1 has no secure pages (7.5.2)"},
    {"SECWM1_PEND", &O::secwm1r1, 16, 7, "likewise (7.5.2)"},
    {"HDP1EN", &O::secwm1r2, 31, 1, "nothing is hidden in bank 1 (7.5.3)"},
    {"SECWM2_PSTRT", &O::secwm2r1, 0, 7, "all of bank 2 is secure (7.5.2)"},
    {"SECWM2_PEND", &O::secwm2r1, 16, 7, "likewise (7.5.2)"},
    {"HDP2_PEND", &O::secwm2r2, 16, 7, "the boot stages are hidden from what runs after them (7.5.3)"},
    {"HDP2EN", &O::secwm2r2, 31, 1, "likewise (7.5.3)"},
    {"WRP2A_PSTRT", &O::wrp2ar, 0, 7, "preboot is write-protected (7.6.1)"},
    {"WRP2A_PEND", &O::wrp2ar, 16, 7, "likewise (7.6.1)"},
    {"UNLOCK_2A", &O::wrp2ar, 31, 1, "0: the protection stays until a return to RDP level 0 (7.6.1)"},
    {"SECBOOTADD0", &O::secbootadd0, 7, 25, "reset enters preboot; the address divided by 128 (4)"},
    {"BOOT_LOCK", &O::secbootadd0, 0, 1, "1: always, whatever the pin BOOT0 says (4)"},
    {"RDP", &O::optr, 0, 8,
     "read-out protection: AA level 0, 55 level 0.5, CC level 2, others level 1 (7.6.2)"},
};

}  // namespace

std::vector<OptionField> option_fields(const OptionBytes& options) {
  std::vector<OptionField> fields;
  for (const Place& place : kPlaces) {
    const std::uint32_t mask = (1u << place.width) - 1;
    fields.push_back({place.name, (options.*place.in >> place.shift) & mask, place.reason});
  }
  return fields;
}

const std::vector<OptionRegister>& option_registers() {
  static const std::vector<OptionRegister> all = {
      {"FLASH_OPTR", &O::optr},
      {"FLASH_NSBOOTADD0R", &O::nsbootadd0},
      {"FLASH_NSBOOTADD1R", &O::nsbootadd1},
      {"FLASH_SECBOOTADD0R", &O::secbootadd0},
      {"FLASH_SECWM1R1", &O::secwm1r1},
      {"FLASH_SECWM1R2", &O::secwm1r2},
      {"FLASH_WRP1AR", &O::wrp1ar},
      {"FLASH_WRP1BR", &O::wrp1br},
      {"FLASH_SECWM2R1", &O::secwm2r1},
      {"FLASH_SECWM2R2", &O::secwm2r2},
      {"FLASH_WRP2AR", &O::wrp2ar},
      {"FLASH_WRP2BR", &O::wrp2br},
  };
  return all;
}

}  // namespace microvisor::firmware::image
