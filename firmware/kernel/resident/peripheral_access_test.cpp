// The permission table against what applications need and against the board table's reserved blocks.
#include "firmware/kernel/resident/peripheral_access.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/kernel/register_names.hpp"

namespace microvisor::firmware::kernel {
namespace {

struct Needed {
  std::uint32_t address;
  std::uint32_t bits;
};

TEST(PeripheralAccess, ApplicationsCanDoWhatTheyAreKnownToDo) {
  // Offsets and bits that published applications write.
  for (const Needed needed :
       {Needed{0x4602'0C8C, 0x2B}, Needed{0x4602'0C9C, 0x0022'0011}, Needed{0x4602'0C64, 0x1},
        Needed{0x4602'0C74, 0x1}, Needed{0x4602'0CE0, 0x0000'0C0C}}) {
    const RegisterRule* rule = find_register_rule(needed.address);
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(rule->writable & needed.bits, needed.bits) << std::hex << needed.address;
  }
  for (const std::uint32_t read :
       {0x4602'0C08u, 0x4602'0CF4u, 0x4602'0C1Cu, 0x4602'0C20u, 0x4602'0C24u, 0x4602'0C28u, 0x4602'0C34u,
        0x4602'0C38u, 0x4002'2000u, 0x4602'0828u, 0x4602'0CF0u}) {
    const RegisterRule* rule = find_register_rule(read);
    ASSERT_NE(rule, nullptr) << std::hex << read;
    EXPECT_EQ(rule->readable, 0xFFFF'FFFFu);
  }
}

TEST(PeripheralAccess, ClockTreeAndFlashAreReadOnly) {
  for (const std::uint32_t address :
       {0x4602'0C00u, 0x4602'0C1Cu, 0x4602'0C20u, 0x4602'0C28u, 0x4602'0C34u, 0x4602'0CF4u, 0x4602'0D10u,
        0x4602'0D14u, 0x4002'2000u, 0x4602'080Cu, 0x4602'0828u}) {
    ASSERT_NE(find_register_rule(address), nullptr) << std::hex << address;
    EXPECT_EQ(find_register_rule(address)->writable, 0u) << std::hex << address;
  }
}

TEST(PeripheralAccess, BitsOfReservedBlocksAreNobodysButOurs) {
  // Enable, reset and sleep-enable registers, and in each the bit of a block that is Microvisor's (RM0456
  // section 11.8).
  struct Block {
    std::uint32_t reset, enable, sleep;
    unsigned bit;
  };
  constexpr Block kBlocks[] = {
      {0x60, 0x88, 0xB0, 17},  // RAMCFG
      {0x60, 0x88, 0xB0, 8},   // FLASH
      {0x60, 0x88, 0xB0, 24},  // GTZC1
      {0x60, 0x88, 0xB0, 28},  // BKPSRAM
      {0x64, 0x8C, 0xB4, 14},  // OTG
      {0x64, 0x8C, 0xB4, 18},  // RNG
      {0x64, 0x8C, 0xB4, 19},  // PKA
      {0x64, 0x8C, 0xB4, 20},  // SAES
      {0x64, 0x8C, 0xB4, 21},  // OCTOSPIM
      {0x64, 0x8C, 0xB4, 23},  // OTFDEC1
      {0x64, 0x8C, 0xB4, 31},  // SRAM3
      {0x64, 0x8C, 0xB4, 2},   // GPIOC
      {0x64, 0x8C, 0xB4, 6},   // GPIOG
      {0x68, 0x90, 0xB8, 4},   // OCTOSPI1
      {0x6C, 0x94, 0xBC, 2},   // PWR
      {0x6C, 0x94, 0xBC, 12},  // GTZC2
      {0x74, 0x9C, 0xC4, 3},   // TIM5
      {0x74, 0x9C, 0xC4, 11},  // WWDG
      {0x74, 0x9C, 0xC4, 24},  // CRS
      {0x7C, 0xA4, 0xCC, 14},  // USART1
      {0x80, 0xA8, 0xD0, 1},   // SYSCFG
      {0x80, 0xA8, 0xD0, 6},   // LPUART1
      {0x80, 0xA8, 0xD0, 21},  // RTC and TAMP
  };
  for (const Block& block : kBlocks) {
    for (const std::uint32_t offset : {block.reset, block.enable, block.sleep}) {
      const RegisterRule* rule = find_register_rule(0x4602'0C00 + offset);
      ASSERT_NE(rule, nullptr);
      EXPECT_EQ(rule->writable & (1u << block.bit), 0u) << std::hex << offset << " bit " << block.bit;
    }
  }
}

TEST(PeripheralAccess, TableIsInOrder) {
  const auto rules = register_rules();
  EXPECT_TRUE(std::is_sorted(rules.begin(), rules.end(), [](const RegisterRule& a, const RegisterRule& b) {
    return a.address < b.address;
  }));
  for (const RegisterRule& rule : rules) EXPECT_EQ(find_register_rule(rule.address), &rule);
}

TEST(PeripheralAccess, EachRegisterHasAName) {
  ASSERT_EQ(kRegisterNames.size(), register_rules().size());
  for (std::size_t i = 0; i < kRegisterNames.size(); ++i)
    EXPECT_EQ(kRegisterNames[i].address, register_rules()[i].address) << kRegisterNames[i].name;
}

TEST(PeripheralAccess, PokeLeavesForeignBitsAlone) {
  const RegisterRule rule{0, 0xFFFF'FFFF, 0x0000'00FF};
  EXPECT_EQ(poked(rule, 0x1234'5678, 0xFFFF'FFFF, 0xAAAA'AAAA), 0x1234'56AAu);
  EXPECT_EQ(poked(rule, 0x1234'5678, 0, 0x0000'0F0F), 0x1234'5677u);
  EXPECT_EQ(poked(rule, 0x1234'5678, 0x0000'0FF0, 0), 0x1234'5608u);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
