// Names of the registers in the permission table (resident/peripheral_access.cpp), for the document. Offsets
// and names: RM0456 sections 7.9 (FLASH), 10.10 (PWR), 11.8 (RCC) and 12.7 (CRS).
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::firmware::kernel {

struct RegisterName {
  std::uint32_t address;  // non-secure alias
  const char* name;
};

inline constexpr std::array kRegisterNames{
    RegisterName{0x4000'6000, "CRS_CR"},         RegisterName{0x4000'6004, "CRS_CFGR"},
    RegisterName{0x4000'6008, "CRS_ISR"},        RegisterName{0x4000'600C, "CRS_ICR"},
    RegisterName{0x4002'2000, "FLASH_ACR"},      RegisterName{0x4602'080C, "PWR_VOSR"},
    RegisterName{0x4602'0828, "PWR_DBPR"},       RegisterName{0x4602'0C00, "RCC_CR"},
    RegisterName{0x4602'0C08, "RCC_ICSCR1"},     RegisterName{0x4602'0C0C, "RCC_ICSCR2"},
    RegisterName{0x4602'0C10, "RCC_ICSCR3"},     RegisterName{0x4602'0C14, "RCC_CRRCR"},
    RegisterName{0x4602'0C1C, "RCC_CFGR1"},      RegisterName{0x4602'0C20, "RCC_CFGR2"},
    RegisterName{0x4602'0C24, "RCC_CFGR3"},      RegisterName{0x4602'0C28, "RCC_PLL1CFGR"},
    RegisterName{0x4602'0C2C, "RCC_PLL2CFGR"},   RegisterName{0x4602'0C30, "RCC_PLL3CFGR"},
    RegisterName{0x4602'0C34, "RCC_PLL1DIVR"},   RegisterName{0x4602'0C38, "RCC_PLL1FRACR"},
    RegisterName{0x4602'0C3C, "RCC_PLL2DIVR"},   RegisterName{0x4602'0C40, "RCC_PLL2FRACR"},
    RegisterName{0x4602'0C44, "RCC_PLL3DIVR"},   RegisterName{0x4602'0C48, "RCC_PLL3FRACR"},
    RegisterName{0x4602'0C50, "RCC_CIER"},       RegisterName{0x4602'0C54, "RCC_CIFR"},
    RegisterName{0x4602'0C58, "RCC_CICR"},       RegisterName{0x4602'0C60, "RCC_AHB1RSTR"},
    RegisterName{0x4602'0C64, "RCC_AHB2RSTR1"},  RegisterName{0x4602'0C68, "RCC_AHB2RSTR2"},
    RegisterName{0x4602'0C6C, "RCC_AHB3RSTR"},   RegisterName{0x4602'0C74, "RCC_APB1RSTR1"},
    RegisterName{0x4602'0C78, "RCC_APB1RSTR2"},  RegisterName{0x4602'0C7C, "RCC_APB2RSTR"},
    RegisterName{0x4602'0C80, "RCC_APB3RSTR"},   RegisterName{0x4602'0C88, "RCC_AHB1ENR"},
    RegisterName{0x4602'0C8C, "RCC_AHB2ENR1"},   RegisterName{0x4602'0C90, "RCC_AHB2ENR2"},
    RegisterName{0x4602'0C94, "RCC_AHB3ENR"},    RegisterName{0x4602'0C9C, "RCC_APB1ENR1"},
    RegisterName{0x4602'0CA0, "RCC_APB1ENR2"},   RegisterName{0x4602'0CA4, "RCC_APB2ENR"},
    RegisterName{0x4602'0CA8, "RCC_APB3ENR"},    RegisterName{0x4602'0CB0, "RCC_AHB1SMENR"},
    RegisterName{0x4602'0CB4, "RCC_AHB2SMENR1"}, RegisterName{0x4602'0CB8, "RCC_AHB2SMENR2"},
    RegisterName{0x4602'0CBC, "RCC_AHB3SMENR"},  RegisterName{0x4602'0CC4, "RCC_APB1SMENR1"},
    RegisterName{0x4602'0CC8, "RCC_APB1SMENR2"}, RegisterName{0x4602'0CCC, "RCC_APB2SMENR"},
    RegisterName{0x4602'0CD0, "RCC_APB3SMENR"},  RegisterName{0x4602'0CD8, "RCC_SRDAMR"},
    RegisterName{0x4602'0CE0, "RCC_CCIPR1"},     RegisterName{0x4602'0CE4, "RCC_CCIPR2"},
    RegisterName{0x4602'0CE8, "RCC_CCIPR3"},     RegisterName{0x4602'0CF0, "RCC_BDCR"},
    RegisterName{0x4602'0CF4, "RCC_CSR"},        RegisterName{0x4602'0D10, "RCC_SECCFGR"},
    RegisterName{0x4602'0D14, "RCC_PRIVCFGR"},
};

/// The manual's section on the block of a register.
[[nodiscard]] constexpr const char* section_of(std::uint32_t address) {
  return address < 0x4002'0000   ? "12.7"
         : address < 0x4602'0000 ? "7.9.1"
         : address < 0x4602'0C00 ? "10.10"
                                 : "11.8";
}

}  // namespace microvisor::firmware::kernel
