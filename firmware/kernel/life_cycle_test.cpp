// Pauses between restarts, the line about a crash, and the board table's own consistency.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/end_text.hpp"
#include "firmware/kernel/resident/retained.hpp"
#include "firmware/kernel/restart_policy.hpp"

namespace microvisor::firmware::kernel {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

TEST(RestartPolicy, PausesDoubleFromOneSecondToSixty) {
  RestartPolicy policy;
  std::uint64_t now = 0;
  for (const std::uint64_t expected : {1u, 2u, 4u, 8u, 16u, 32u, 60u, 60u}) {
    policy.started(now);
    now += 1000;
    EXPECT_EQ(policy.failed(now), expected * kSecond);
  }
}

TEST(RestartPolicy, AHealthyRunBeginsAnew) {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) {
    policy.started(0);
    (void)policy.failed(10);
  }
  policy.started(100 * kSecond);
  EXPECT_EQ(policy.failed(159 * kSecond), 16 * kSecond);
  policy.started(200 * kSecond);
  EXPECT_EQ(policy.failed(260 * kSecond), 1 * kSecond);
}

TEST(RestartPolicy, TheBundleMaySetTheLimits) {
  RestartPolicy policy;
  policy.configure(5000, 12'000);
  policy.started(0);
  EXPECT_EQ(policy.failed(1), 5 * kSecond);
  EXPECT_EQ(policy.failed(1), 10 * kSecond);
  EXPECT_EQ(policy.failed(1), 12 * kSecond);
  policy.configure(0, 0);
  EXPECT_EQ(policy.failed(1), 1 * kSecond);
}

TEST(RestartPolicy, AMaximumBelowTheMinimumIsTheMinimum) {
  RestartPolicy policy;
  policy.configure(5000, 1000);
  EXPECT_EQ(policy.failed(1), 5 * kSecond);
  EXPECT_EQ(policy.failed(1), 5 * kSecond);
  policy.configure(120'000, 0);  // above the default maximum
  EXPECT_EQ(policy.failed(1), 120 * kSecond);
  EXPECT_EQ(policy.failed(1), 120 * kSecond);
}

TEST(RestartPolicy, TheLargestTimesDoNotOverflow) {
  RestartPolicy policy;
  policy.configure(0x9000'0000, 0xFFFF'FFFF);
  EXPECT_EQ(policy.failed(1), 0x9000'0000 * std::uint64_t{1000});
  EXPECT_EQ(policy.failed(1), 0xFFFF'FFFF * std::uint64_t{1000});
}

TEST(RestartPolicy, ASeriesGoesOnAfterAReset) {
  RestartPolicy before;
  before.started(0);
  (void)before.failed(1);
  (void)before.failed(1);
  RestartPolicy after;
  after.configure(0, 0);
  after.resume(before.pause_ms());
  after.started(0);
  EXPECT_EQ(after.failed(1), 4 * kSecond);
  after.configure(1000, 3000);
  after.resume(50'000);  // retained by a bundle with other limits
  EXPECT_EQ(after.failed(1), 3 * kSecond);
}

std::string line_of(const ApplicationEnd& end, const char* touched = "RAMCFG") {
  std::array<char, 120> buffer{};
  return {buffer.data(), describe_end(end, touched, buffer)};
}

TEST(EndText, SaysWhatAndWhere) {
  ApplicationEnd end;
  end.cause = EndCause::Fault;
  end.sfsr = 0x48;  // AUVIOL, SFARVALID
  end.address = 0x3008'0000;
  end.address_known = true;
  end.frame_known = true;
  end.pc = 0x0800'1234;
  end.lr = 0x0800'0101;
  EXPECT_EQ(line_of(end),
            "application crashed: access to Microvisor's memory at address 0x30080000, pc 0x08001234, lr "
            "0x08000101");
  end = ApplicationEnd{};
  end.cause = EndCause::Fault;
  end.cfsr_nonsecure = 1u << 16;
  end.frame_known = true;
  end.pc = 0x0800'0010;
  end.xpsr = 0x0100'003D;
  EXPECT_EQ(line_of(end),
            "application crashed: undefined instruction, pc 0x08000010, lr 0x00000000, in exception 61");
  end.cause = EndCause::ReservedResource;
  EXPECT_EQ(line_of(end).substr(0, 65), "application crashed: access to RAMCFG, which is Microvisor's, pc ");
}

TEST(EndText, SaysHowTheKernelFailed) {
  std::array<char, 120> buffer{};
  const auto line = [&](abi::WakeReason reason, const Retained& retained) {
    return std::string(buffer.data(), describe_kernel_failure(reason, retained, buffer));
  };
  EXPECT_EQ(line(abi::WakeReason::MICROVISORWATCHDOG, {}), "Microvisor hung: its watchdog reset the device");
  Retained retained{};
  retained.crash_code = 3;
  retained.crash_detail = 0x400;
  EXPECT_EQ(line(abi::WakeReason::MICROVISORCRASH, retained),
            "Microvisor failed: reset, exception 3, detail 0x00000400");
}

TEST(Retained, SaysWhatKindOfFailureItWas) {
  using enum abi::WakeReason;
  EXPECT_EQ(reason_of_failure(2, 0), MICROVISORERROR);               // NMI: flash that cannot be read
  EXPECT_EQ(reason_of_failure(6, 1u << 20), MICROVISOROUTOFMEMORY);  // UsageFault, STKOF
  EXPECT_EQ(reason_of_failure(3, 1u << 20), MICROVISOROUTOFMEMORY);  // escalated
  EXPECT_EQ(reason_of_failure(6, 1u << 16), MICROVISORCRASH);        // undefined instruction
  EXPECT_EQ(reason_of_failure(7, 1u << 20), MICROVISORCRASH);        // SFSR, not CFSR
  EXPECT_EQ(reason_of_failure(16 + 27, 0), MICROVISORCRASH);
}

TEST(EndText, NeverLeavesItsBuffer) {
  ApplicationEnd end;
  end.cause = EndCause::Fault;
  end.frame_known = end.address_known = true;
  std::array<char, 16> buffer{};
  EXPECT_EQ(describe_end(end, "", buffer), 16U);
}

TEST(BoardTable, KeepsClearOfWhatApplicationsUse) {
  struct Pin {
    char port;
    unsigned pin;
  };
  for (const Pin used :
       {Pin{'A', 5}, Pin{'A', 7}, Pin{'B', 6}, Pin{'B', 9}, Pin{'B', 11}, Pin{'D', 5}, Pin{'F', 3}}) {
    EXPECT_EQ(reserved_pins(used.port) & (1u << used.pin), 0u) << used.port << used.pin;
  }
  for (const unsigned line : {14u, 22u, 41u, 45u, 49u, 51u, 55u, 62u}) EXPECT_FALSE(line_is_reserved(line));
  for (const ReservedPeripheral& p : kReservedPeripherals) {
    for (const std::uint32_t used :
         {0x4000'0000u, 0x4000'1000u, 0x4000'4400u, 0x4000'5400u, 0x4001'2C00u, 0x4001'3400u}) {
      EXPECT_FALSE(used >= p.address && used < p.address + p.size) << p.name;
    }
  }
}

TEST(BoardTable, RowsAreDistinct) {
  for (std::size_t i = 0; i < kReservedPeripherals.size(); ++i) {
    for (std::size_t k = i + 1; k < kReservedPeripherals.size(); ++k) {
      const auto &a = kReservedPeripherals[i], &b = kReservedPeripherals[k];
      EXPECT_TRUE(a.address + a.size <= b.address || b.address + b.size <= a.address)
          << a.name << " " << b.name;
      EXPECT_FALSE(a.controller == b.controller && a.flag_word == b.flag_word && a.bit == b.bit)
          << a.name << b.name;
    }
  }
}

TEST(Retained, CheckFindsEveryChangedBit) {
  const Retained r{1, 2, 3, 4, 5, 6, 7, 0};
  for (unsigned bit = 0; bit < 32; ++bit) {
    Retained changed = r;
    changed.crash_detail ^= 1u << bit;
    EXPECT_NE(retained_check(changed), retained_check(r));
  }
}

}  // namespace
}  // namespace microvisor::firmware::kernel
