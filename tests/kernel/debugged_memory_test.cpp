// What a debugger may reach of the device's memory, asked of the kernel image itself for all that its tables
// reserve: every peripheral by both of its addresses, every memory, and each border of what is allowed.
//
// The expectation is firmware/kernel/board_table.hpp and firmware/layout.hpp, not the code under test: what
// is reserved is never written, and read only where the application itself may read it.
#include <gtest/gtest.h>

#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"
#include "firmware/layout.hpp"
#include "tests/kernel/worker_call.hpp"

namespace microvisor::tests {
namespace {

using namespace firmware;
using namespace firmware::kernel;

constexpr std::uint32_t kSecureAlias = 0x1000'0000;  // RM0456 section 2.3.2

class DebuggedMemory : public testing::Test {
 protected:
  enum Access : std::uint32_t { kDone, kRefused, kBusFault };  // debugger::Access

  void SetUp() override {
    machine.emplace("debuggee", GuestParameters{0, 0, 0});
    ASSERT_TRUE(machine->run_until_line("start", 3000));
    visit.emplace(*machine);
  }
  std::uint32_t read(std::uint32_t address, std::uint32_t size = 4, std::uint32_t width = 0) {
    return visit->call(
               "read_application(unsigned long, std::span<unsigned char, 4294967295u>, unsigned char)",
               {address, kScratch, size, width}) &
           0xFF;
  }
  std::uint32_t write(std::uint32_t address, std::uint32_t size = 4, std::uint32_t width = 0) {
    return visit->call(
               "write_application(unsigned long, std::span<unsigned char const, 4294967295u>, unsigned char)",
               {address, kScratch, size, width}) &
           0xFF;
  }
  void expect_refused(std::uint32_t address, const char* what) {
    EXPECT_EQ(read(address), kRefused) << what << std::hex << " at 0x" << address;
    EXPECT_EQ(write(address), kRefused) << what << std::hex << " at 0x" << address;
  }
  /// The application is as it was: no access has been made that would have ended it.
  void expect_application_goes_on() {
    const std::uint32_t rounds = guest_symbol("debuggee", "rounds") & ~1u;
    const std::uint32_t before = machine->word(rounds);
    machine->run(20);
    EXPECT_GT(machine->word(rounds), before);
  }

  std::optional<KernelMachine> machine;
  std::optional<WorkerVisit> visit;
};

TEST_F(DebuggedMemory, ReservedPeripheralsAreNeverWrittenAndReadOnlyWhereTheApplicationMay) {
  for (const ReservedPeripheral& p : kReservedPeripherals) {
    const bool open = p.guard == Guard::OwnBits && p.on_touch == OnTouch::Ignored;
    for (const std::uint32_t offset : {0u, p.size / 2, p.size - 4}) {
      const std::uint32_t address = p.address + offset;
      const RegisterRule* rule = find_register_rule(address);
      EXPECT_EQ(write(address), kRefused) << p.name << std::hex << " at 0x" << address;
      if (!open && rule == nullptr) {
        EXPECT_EQ(read(address), kRefused) << p.name << std::hex << " at 0x" << address;
      }
      expect_refused(address + kSecureAlias, p.name);
    }
    // Halfwords and bytes are no way round, and neither is what begins in front of it.
    if (!open && find_register_rule(p.address) == nullptr) {
      EXPECT_EQ(read(p.address + 1, 1), kRefused) << p.name;
      EXPECT_EQ(read(p.address + 2, 2, 2), kRefused) << p.name;
      EXPECT_EQ(read(p.address - 4, 8), kRefused) << p.name;
    }
    EXPECT_EQ(write(p.address - 4, 8), kRefused) << p.name;
    EXPECT_EQ(write(p.address + 3, 1), kRefused) << p.name;
  }
  expect_application_goes_on();
}

/// They show what mvPeriphPeek32 shows, whatever the width.
TEST_F(DebuggedMemory, RegistersOfReservedBlocksShowWhatIsTheApplications) {
  for (const RegisterRule& rule : register_rules()) {
    EXPECT_EQ(write(rule.address), kRefused) << std::hex << rule.address;
    ASSERT_EQ(read(rule.address), kDone) << std::hex << rule.address;
    const std::uint32_t whole = machine->word(kScratch);
    EXPECT_EQ(whole & ~rule.readable, 0u) << std::hex << rule.address;
    ASSERT_EQ(read(rule.address + 1, 1), kDone);
    EXPECT_EQ(machine->word(kScratch) & 0xFF, whole >> 8 & 0xFF) << std::hex << rule.address;
  }
  expect_application_goes_on();
}

TEST_F(DebuggedMemory, ReservedMemoriesAreRefusedFromTheirFirstWordToTheirLast) {
  for (const ReservedMemory& m : kReservedMemories) {
    for (const std::uint32_t offset : {0u, m.size / 2 & ~3u, m.size - 4})
      expect_refused(m.address + offset, m.name);
  }
  // By the names that the table leaves out.
  for (const Pages& pages : {kPreboot, kHidden, kKernel, kPreviousKernel, kVault, kGates}) {
    for (const std::uint32_t address : {pages.address(), pages.end() - 4}) {
      expect_refused(address, "flash of Microvisor's, secure");
      expect_refused(address - 0x0400'0000, "flash of Microvisor's, non-secure");
    }
  }
  for (const std::uint32_t address : {kMicrovisorRam, kMicrovisorRam + kMicrovisorRamSize - 4}) {
    expect_refused(address, "RAM of Microvisor's, secure");
    expect_refused(address - kSecureAlias, "RAM of Microvisor's, non-secure");
  }
  for (const std::uint32_t address : {kBackupRam, kBackupRam + kBackupRamSize - 4}) {
    expect_refused(address, "backup RAM, secure");
    expect_refused(address - kSecureAlias, "backup RAM, non-secure");
  }
  expect_refused(kOneTimeProgrammable, "one-time programmable rows");
  expect_application_goes_on();
}

struct Plain {
  std::uint32_t first, size;
  bool writable;
};

TEST_F(DebuggedMemory, EndsWhereTheApplicationsMemoryEnds) {
  for (const Plain& range : {Plain{kApplicationFlash, kApplicationFlashSize, false},
                             Plain{kApplicationRam, kApplicationRamSize, true},
                             Plain{kApplicationRam4, kApplicationRam4Size, true}}) {
    const std::uint32_t last = range.first + range.size - 1;
    const std::uint32_t written = range.writable ? kDone : kRefused;
    EXPECT_EQ(read(range.first), kDone);
    EXPECT_EQ(read(last, 1), kDone);
    EXPECT_EQ(write(last, 1), written) << std::hex << last;
    EXPECT_EQ(write(range.first + 8), written);
    for (const std::uint32_t size : {1u, 2u, 4u}) {
      EXPECT_EQ(read(last + 1, size), kRefused) << std::hex << last;
      EXPECT_EQ(write(last + 1, size), kRefused) << std::hex << last;
      EXPECT_EQ(read(range.first - size, size), kRefused) << std::hex << range.first;
      EXPECT_EQ(write(range.first - size, size), kRefused) << std::hex << range.first;
    }
    EXPECT_EQ(read(last - 3, 8), kRefused) << "across the end, nothing of it";
    EXPECT_EQ(write(last - 3, 8), kRefused);
    EXPECT_EQ(read(range.first - 4, 8), kRefused) << "across the beginning";
  }
  for (const std::uint32_t address : {0u, 4u, 0xFFFF'FFFCu, 0x6000'0000u, 0x8000'0000u, 0xA000'0000u})
    expect_refused(address, "nothing");
  EXPECT_EQ(read(0xFFFF'FFFC, 8), kRefused) << "across the end of all addresses";
  EXPECT_EQ(write(0xFFFF'FFFC, 8), kRefused);
  EXPECT_EQ(read(kApplicationRam, 4, 3), kRefused) << "no width";
  EXPECT_EQ(read(kApplicationRam + 1, 4, 4), kRefused) << "not aligned to its width";
  expect_application_goes_on();
}

/// Armv8-M ARM, B8 and D1.1: SysTick, NVIC, SCB, MPU and FPU as the Non-secure state sees them.
TEST_F(DebuggedMemory, OfTheCoresOwnOnlyWhatTheApplicationHas) {
  struct Block {
    std::uint32_t first, last;
  };
  constexpr Block kOpen[] = {{0xE000'E010, 0xE000'E01F},
                             {0xE000'E100, 0xE000'E4EF},
                             {0xE000'ED00, 0xE000'EDC7},
                             {0xE000'EF34, 0xE000'EF47}};
  for (const Block& block : kOpen) {
    EXPECT_EQ(read(block.first), kDone) << std::hex << block.first;
    EXPECT_EQ(read(block.last - 3), kDone) << std::hex << block.last;
    expect_refused(block.first - 4, "in front");
    expect_refused(block.last + 1, "behind");
  }
  // ITM, DWT, FPB, SAU, debug control and authentication, cache maintenance, the other view, TPIU, ETM, ROM
  // table.
  for (const std::uint32_t address :
       {0xE000'0000u, 0xE000'0E80u, 0xE000'1000u, 0xE000'1028u, 0xE000'2000u, 0xE000'2008u, 0xE000'EDD0u,
        0xE000'EDDCu, 0xE000'EDE4u, 0xE000'EDF0u, 0xE000'EDF4u, 0xE000'EDF8u, 0xE000'EDFCu, 0xE000'EE04u,
        0xE000'EE08u, 0xE000'EF00u, 0xE000'EF50u, 0xE002'E010u, 0xE002'ED08u, 0xE002'ED0Cu, 0xE002'EDF0u,
        0xE002'E100u, 0xE004'0000u, 0xE004'1000u, 0xE004'4000u, 0xE00F'F000u})
    expect_refused(address, "of the core");
  expect_application_goes_on();
}

}  // namespace
}  // namespace microvisor::tests
