// Labels: what is written is read, and the symbol is the one of the standard's finder patterns.
#include "cli/label.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

const std::string kSid = "UV0123456789abcdef0123456789abcdef";

TEST(Label, IsReadAsItWasWritten) {
  const Label label = read_label(label_text({kSid, "ABCDEFGH23456777"}));
  EXPECT_EQ(label.sid, kSid);
  EXPECT_EQ(label.claim_code, "ABCDEFGH23456777");
  EXPECT_EQ(read_label(label_text({kSid, ""})).claim_code, "");
  EXPECT_EQ(read_label(kSid).sid, kSid);
  const std::string text = label_text({kSid, "ABCDEFGH23456777"});
  EXPECT_EQ(text.substr(text.find("UV"), kSid.size()), kSid);
  EXPECT_EQ(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("UV")), '/'), 2)
      << "the SID is the third field";
}

TEST(Label, WhatIsNoneIsRefused) {
  for (const char* text : {"", "UV12", "microvisor/1/", "microvisor/1/UV12/CODE", "microvisor/2/"})
    EXPECT_THROW((void)read_label(text), Failure) << text;
}

TEST(Label, TheSymbolHasItsQuietZoneAndFinderPatterns) {
  // 69 bytes at level M need version 5: 37 modules (ISO/IEC 18004, table 7); 4 light ones around them.
  const std::string svg = qr_as_svg(label_text({kSid, "ABCDEFGH23456777"}));
  EXPECT_NE(svg.find("viewBox=\"0 0 45 45\""), std::string::npos);
  EXPECT_NE(svg.find("M4 4h1v1h-1z"), std::string::npos) << "the corner of the upper left finder pattern";
  EXPECT_NE(svg.find("M40 4h1v1h-1z"), std::string::npos) << "upper right";
  EXPECT_NE(svg.find("M4 40h1v1h-1z"), std::string::npos) << "lower left";
  EXPECT_EQ(svg.find("M3 "), std::string::npos) << "the quiet zone";
  EXPECT_THROW((void)qr_as_svg(std::string(5000, 'x')), Failure);
}

}  // namespace
}  // namespace microvisor::cli
