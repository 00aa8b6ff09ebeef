// Intel HEX: the example of the specification, and what is written is read.
#include "firmware/image/intel_hex.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace microvisor::firmware::image {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(IntelHex, WritesWhatTheSpecificationSays) {
  // Checksums by hand: two's complement of the sum of the bytes before.
  EXPECT_EQ(to_intel_hex(0x0C10'0000, Bytes{0x01, 0x02}),
            ":020000040C10DE\n"
            ":020000000102FB\n"
            ":00000001FF\n");
}

TEST(IntelHex, WhatIsWrittenIsReadAndBlankPartsAreLeftOut) {
  Bytes bytes(0x1'8000, 0xFF);
  for (std::size_t i = 0xFFF8; i < 0x1'0020; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  const std::string text = to_intel_hex(0x0C10'0000, bytes);
  EXPECT_LT(text.size(), 400u);
  EXPECT_EQ(from_intel_hex(text, 0x0C10'0000, 0x1'8000), bytes);
}

TEST(IntelHex, WhatIsDamagedIsRefused) {
  const std::string good = to_intel_hex(0x1000, Bytes(32, 0x55));
  EXPECT_NO_THROW((void)from_intel_hex(good, 0x1000, 32));
  EXPECT_THROW((void)from_intel_hex(good, 0x1000, 31), std::invalid_argument) << "too large";
  EXPECT_THROW((void)from_intel_hex(good, 0x1001, 32), std::invalid_argument) << "below the memory";
  EXPECT_THROW((void)from_intel_hex(good.substr(0, good.size() - 12), 0x1000, 32), std::invalid_argument)
      << "its end is missing";
  for (std::size_t i = 0; i + 13 < good.size(); ++i) {  // no single character can be another one
    if (good[i] == '\n') continue;
    std::string bad = good;
    bad[i] = bad[i] == '5' ? '6' : '5';
    EXPECT_THROW((void)from_intel_hex(bad, 0x1000, 32), std::invalid_argument) << i;
  }
}

}  // namespace
}  // namespace microvisor::firmware::image
