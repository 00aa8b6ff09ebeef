// A walk over all blocks of the chip with the wrong attributes (RM0456 5.4.2; the security sections of the
// blocks that guard themselves). What an offender sees is in board/bus/illegal_access.hpp; here is that every
// block asks it, each with the bits and the flag of its own.
#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "board/bus/chip_map.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board {
namespace {

using testing::Machine;

constexpr Access kSecure{.secure = true, .privileged = true};
constexpr Access kNonSecure{.secure = false, .privileged = true};
constexpr Access kUnprivileged{.secure = true, .privileged = false};
constexpr Access kFetch{.secure = true, .privileged = true, .fetch = true};

/// A board with every clock on, seen from its bus.
class SecurityWalk : public ::testing::Test {
 protected:
  SecurityWalk() {
    for (const std::uint32_t offset : {0x88U, 0x8CU, 0x90U, 0x94U, 0x9CU, 0xA0U, 0xA4U, 0xA8U})
      write(0x5602'0C00 + offset, ~0U);  // RCC enable registers
    write(0x5602'0828, 1);               // PWR_DBPR.DBP
    write(0x5600'7824, 0xCA);            // RTC_WPR
    write(0x5600'7824, 0x53);
  }
  std::uint32_t read(std::uint32_t address, const Access& access = kSecure) {
    std::uint32_t value = 0xDEAD'BEEF;
    EXPECT_EQ(bus.read(address, 4, access, value), Outcome::Ok) << std::hex << address;
    return value;
  }
  void write(std::uint32_t address, std::uint32_t value, const Access& access = kSecure) {
    EXPECT_EQ(bus.write(address, 4, access, value), Outcome::Ok) << std::hex << address;
  }
  std::uint32_t peek(std::uint32_t address) const {
    std::uint32_t value = 0;
    EXPECT_TRUE(bus.peek(address, 4, value)) << std::hex << address;
    return value;
  }
  static std::uint32_t tzsc(const GtzcBit& flag) { return flag.instance == 1 ? 0x5003'2400 : 0x5602'3000; }
  static std::uint32_t tzic(const GtzcBit& flag) { return flag.instance == 1 ? 0x5003'2800 : 0x5602'3400; }
  /// TZIC has latched the flag, and no other; it is cleared.
  bool flagged(const GtzcBit& flag) {
    const std::uint32_t index = 4 * (flag.reg - 1);
    const bool only = read(tzic(flag) + 0x10 + index) == 1U << flag.bit;
    write(tzic(flag) + 0x20 + index, ~0U);
    return only && no_flags();
  }
  bool no_flags() {
    for (const std::uint32_t address :
         {0x5003'2810U, 0x5003'2814U, 0x5003'2818U, 0x5003'281CU, 0x5602'3410U, 0x5602'3414U}) {
      if (read(address) != 0) return false;
    }
    return true;
  }

  Machine machine{"hello"};
  SystemBus& bus = machine.board->bus();
};

TEST_F(SecurityWalk, EverySecurableBlockObeysItsBitsInTzsc) {
  unsigned walked = 0;
  for (const ChipBlock& info : chip_blocks()) {
    if (info.guard != Guard::Securable) continue;
    SCOPED_TRACE(info.name);
    ++walked;
    const std::uint32_t base = info.base;
    const std::uint32_t index = 4 * (info.flag.reg - 1);
    const std::uint32_t security = tzsc(info.flag) + 0x10 + index, privilege = tzsc(info.flag) + 0x20 + index;
    const std::uint32_t before = peek(base);

    write(security, 1U << info.flag.bit);
    EXPECT_EQ(read(base, kNonSecure), 0U);
    EXPECT_TRUE(flagged(info.flag));
    write(base, ~before, kNonSecure);
    EXPECT_TRUE(flagged(info.flag));
    EXPECT_EQ(peek(base), before);
    write(security, 0);

    write(privilege, 1U << info.flag.bit);
    EXPECT_EQ(read(base, kUnprivileged), 0U);
    write(base, ~before, kUnprivileged);
    EXPECT_EQ(peek(base), before);
    EXPECT_TRUE(no_flags());
    write(privilege, 0);

    std::uint32_t value = 0;
    EXPECT_EQ(bus.read(base, 4, kFetch, value), Outcome::BusError);
  }
  EXPECT_GE(walked, 60U);
}

/// One secured bit of a block that guards itself.
struct Guarded {
  std::string_view name;  ///< of the block
  std::uint32_t seccfgr;
  std::uint32_t secured;
  std::uint32_t address;  ///< a register with a bit that is secure then
  std::uint32_t mask;
  std::uint32_t value;
  bool event;          ///< TZIC hears of an access to the register
  bool seccfgr_event;  ///< and of a write to SECCFGR
};

constexpr Guarded kGuarded[] = {
    // Pins have no flag; RCC and PWR say nothing of single bits (RM0456 13.3.18, 11.5.1, 10.8.1).
    {"GPIOA", 0x5202'0030, 1U << 5, 0x5202'0014, 1U << 5, 1U << 5, false, false},
    {"GPIOI", 0x5202'2030, 1U << 2, 0x5202'2014, 1U << 2, 1U << 2, false, false},
    {"RCC", 0x5602'0D10, 1U << 0, 0x5602'0C00, 1U << 8, 1U << 8, false, true},     // HSISEC, HSION
    {"PWR", 0x5602'0830, 1U << 12, 0x5602'0800, 1U << 7, 1U << 7, false, true},    // LPMSEC, ULPMEN
    {"EXTI", 0x5602'2014, 1U << 3, 0x5602'2080, 1U << 3, 1U << 3, false, true},    // IMR1
    {"SYSCFG", 0x5600'0400, 1U << 3, 0x5600'0408, 0x3F, 0x15, true, true},         // FPUSEC, FPUIMR
    {"RTC", 0x5600'7820, 1, 0x5600'7844, 0x7FFF, 0x123, true, true},               // ALRASEC, ALRMASSR
    {"TAMP", 0x5600'7C20, 1, 0x5600'7D00, ~0U, 0x1234'5678, true, true},           // BKPRWSEC, BKP0R
    {"GPDMA1", 0x5002'0000, 1U << 2, 0x5002'019C, ~0U, 0x3000'0000, true, false},  // channel 2, CSAR
    {"LPDMA1", 0x5602'5000, 1U << 1, 0x5602'511C, ~0U, 0x3800'0000, true, false},  // channel 1, CSAR
};

TEST_F(SecurityWalk, EveryBlockThatGuardsItselfHidesWhatIsSecure) {
  for (const Guarded& row : kGuarded) {
    SCOPED_TRACE(row.name);
    const ChipBlock* info = block_at(row.address - 0x1000'0000);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->name, row.name);
    write(row.seccfgr, row.secured);
    write(row.address, (peek(row.address - 0x1000'0000) & ~row.mask) | row.value);
    EXPECT_EQ(read(row.address) & row.mask, row.value);

    EXPECT_EQ(read(row.address, kNonSecure) & row.mask, 0U);
    EXPECT_TRUE(row.event ? flagged(info->flag) : no_flags());
    write(row.address, 0, kNonSecure);
    EXPECT_TRUE(row.event ? flagged(info->flag) : no_flags());
    EXPECT_EQ(read(row.address) & row.mask, row.value);

    EXPECT_EQ(read(row.seccfgr, kNonSecure) & row.secured, row.secured);
    EXPECT_TRUE(no_flags());
    write(row.seccfgr, 0, kNonSecure);
    EXPECT_EQ(read(row.seccfgr) & row.secured, row.secured);
    if (row.seccfgr_event) {
      EXPECT_TRUE(flagged(info->flag));
    }
    for (const std::uint32_t address :
         {0x5003'2820U, 0x5003'2824U, 0x5003'2828U, 0x5003'282CU, 0x5602'3420U, 0x5602'3424U})
      write(address, ~0U);
  }
}

}  // namespace
}  // namespace microvisor::board
