// Opening of crash reports: what is refused.
#include "protocol/crash/crash_report.hpp"

#include <gtest/gtest.h>

namespace microvisor::protocol {
namespace {

TEST(CrashReportRefusals, SayWhatIsWrong) {
  const SigningKey key = SigningKey::generate();
  const auto short_one = open_crash_report(Bytes(50, 1), key, "UV1");
  ASSERT_FALSE(short_one.has_value());
  EXPECT_EQ(short_one.error().refusal, Refusal::BadCrashReport);
  Bytes report(200, 0);
  report[0] = 1;
  const auto foreign = open_crash_report(report, key, "UV1");
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().refusal, Refusal::ForeignCrashKey);
  EXPECT_NE(foreign.error().message.find(crash_key_id(key.public_key())), std::string::npos);
}

}  // namespace
}  // namespace microvisor::protocol
