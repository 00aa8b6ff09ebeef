// Twenty cuts; script/torture has a thousand.
#include "tests/network/link_cuts.hpp"

#include <gtest/gtest.h>

namespace microvisor::test {
namespace {

TEST(LinkCuts, LeaveNothingBehindAndLoseNothing) {
  LinkCuts cuts(MICROVISOR_CUTS, 1);
  for (unsigned count = 0; count < 20; ++count) ASSERT_EQ(cuts.cut(), "") << "cut " << count;
  EXPECT_EQ(cuts.finish(), "");
  std::printf("%s\n", cuts.done().c_str());
}

}  // namespace
}  // namespace microvisor::test
