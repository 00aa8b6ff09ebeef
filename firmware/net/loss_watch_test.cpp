// What the acknowledgements tell of losses: how many duplicates are enough, when a repetition is lost too,
// and what progress in the middle of a recovery means.
#include "firmware/net/loss_watch.hpp"

#include <gtest/gtest.h>

namespace microvisor::firmware::net {
namespace {

constexpr std::uint32_t kSegment = 500;

/// So many full segments from byte 1,000 on, or from another.
Flight flight(unsigned segments, std::uint32_t begin = 1000) {
  return {.segments = segments, .begin = begin, .end = begin + segments * kSegment};
}

/// How many duplicates it takes until the segment is repeated, at most ten; 0: none of them does.
unsigned taken(LossWatch& watch, unsigned segments) {
  for (unsigned count = 1; count <= 10; ++count) {
    if (watch.duplicate(flight(segments))) return count;
  }
  return 0;
}

TEST(LossWatch, FewerAreEnoughWhenLessIsUnderWay) {
  const unsigned expected[] = {0, 0, 1, 2, 3, 3, 3};
  for (unsigned segments = 1; segments <= 6; ++segments) {
    LossWatch watch;
    EXPECT_EQ(taken(watch, segments), expected[segments]) << segments;
  }
}

TEST(LossWatch, WhatIsSentBehindARepetitionTellsThatItIsLost) {
  LossWatch watch;
  ASSERT_EQ(taken(watch, 5), 3U);
  EXPECT_FALSE(watch.duplicate(flight(6)));  // the fourth segment that was under way behind the lost one
  EXPECT_TRUE(watch.duplicate(flight(6)));   // one sent behind the repetition
  EXPECT_TRUE(watch.duplicate(flight(7)));   // one sent behind the second
}

TEST(LossWatch, WhatWasSentBeforeARepetitionTellsNothingOfIt) {
  LossWatch watch;
  ASSERT_FALSE(watch.duplicate(flight(3)));
  ASSERT_FALSE(watch.duplicate(flight(8)));  // five more have gone out meanwhile
  ASSERT_TRUE(watch.duplicate(flight(8)));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(watch.duplicate(flight(9))) << i;
  EXPECT_TRUE(watch.duplicate(flight(9)));
}

TEST(LossWatch, ProgressBeginsAnew) {
  LossWatch watch;
  ASSERT_FALSE(watch.duplicate(flight(4)));
  ASSERT_FALSE(watch.duplicate(flight(4)));
  EXPECT_FALSE(watch.progress(flight(4, 1500)));
  EXPECT_FALSE(watch.has_repeated());
  EXPECT_EQ(taken(watch, 4), 3U);
}

TEST(LossWatch, ProgressShortOfWhatWasUnderWayMeansThatTheNextIsLostToo) {
  LossWatch watch;
  ASSERT_EQ(taken(watch, 4), 3U);                // up to byte 3,000
  EXPECT_TRUE(watch.progress(flight(5, 1500)));  // and two more have been sent since
  EXPECT_TRUE(watch.has_repeated());
  EXPECT_TRUE(watch.progress(flight(3, 2500)));   // still of the same recovery
  EXPECT_FALSE(watch.progress(flight(2, 3000)));  // all of it: what is left was sent later
  EXPECT_FALSE(watch.has_repeated());
}

TEST(LossWatch, NothingIsRepeatedWhenAllHasArrived) {
  LossWatch watch;
  ASSERT_EQ(taken(watch, 4), 3U);
  EXPECT_FALSE(watch.progress(flight(0, 3000)));
  ASSERT_EQ(taken(watch, 3), 2U);
}

TEST(LossWatch, NumbersWrap) {
  LossWatch watch;
  constexpr std::uint32_t kLast = 0xFFFF'FF00;  // 256 bytes before the end
  ASSERT_TRUE(watch.duplicate(flight(2, kLast)));
  EXPECT_TRUE(watch.progress(flight(1, kLast + kSegment)));
  EXPECT_FALSE(watch.progress(flight(1, kLast + 2 * kSegment)));
}

TEST(LossWatch, SilenceRepeatsOnceUntilThereIsProgress) {
  LossWatch watch;
  EXPECT_FALSE(watch.silence(flight(2), 4, 4));
  EXPECT_TRUE(watch.silence(flight(2), 5, 4));
  EXPECT_FALSE(watch.silence(flight(2), 9, 4));
  EXPECT_FALSE(watch.duplicate(flight(2)));  // of the segment that was under way
  EXPECT_TRUE(watch.duplicate(flight(3)));   // of one sent later: the repetition is lost
}

TEST(LossWatch, ProgressAfterSilenceTellsNothingOfTheNext) {
  LossWatch watch;
  ASSERT_TRUE(watch.silence(flight(3), 5, 4));
  EXPECT_FALSE(watch.progress(flight(2, 1500)));
  EXPECT_TRUE(watch.silence(flight(2, 1500), 5, 4));
}

/// An acknowledgement sooner than the way there and back takes was of what had been sent before.
TEST(LossWatch, SilenceHasToLastLongerWhereItMeantNothing) {
  LossWatch watch;
  Flight now = flight(1);
  now.round_trip = 4;
  std::uint32_t waited = 0;
  for (const std::uint32_t enough : {9U, 17U, 33U, 65U, 65U}) {
    for (waited = 1; !watch.silence(now, waited, 8); ++waited) now.now += 1;
    EXPECT_EQ(waited, enough);
    now.now += 1;
    static_cast<void>(watch.progress(now));
  }
  for (int i = 0; i < 3; ++i) static_cast<void>(watch.progress(now));  // and three that came in time
  EXPECT_TRUE(watch.silence(now, 9, 8));
}

TEST(LossWatch, SilenceThatMeantALossDoesNot) {
  LossWatch watch;
  Flight now = flight(1);
  now.round_trip = 4;
  ASSERT_TRUE(watch.silence(now, 9, 8));
  now.now += 4;
  static_cast<void>(watch.progress(now));
  EXPECT_TRUE(watch.silence(now, 9, 8));
}

TEST(LossWatch, WhatArrivesTwiceIsNotTakenForALoss) {
  LossWatch watch;
  ASSERT_TRUE(watch.silence(flight(2), 5, 4));
  ASSERT_FALSE(watch.progress(flight(3, 1500)));
  EXPECT_FALSE(watch.duplicate(flight(3, 1500)));  // of the copy
  EXPECT_FALSE(watch.duplicate(flight(3, 1500)));
  EXPECT_TRUE(watch.duplicate(flight(3, 1500)));
}

/// What was sent behind a copy is acknowledged behind its duplicate.
TEST(LossWatch, ACopysDuplicateIsNotWaitedForLonger) {
  LossWatch watch;
  ASSERT_TRUE(watch.silence(flight(2), 5, 4));
  ASSERT_FALSE(watch.progress(flight(2, 2000)));
  EXPECT_TRUE(watch.duplicate(flight(2, 2000)));
}

TEST(LossWatch, AfterATimeOutDuplicatesTellNothingOfWhatWasUnderWay) {
  LossWatch watch;
  watch.timed_out(flight(3));  // up to byte 2,500
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(watch.duplicate(flight(4))) << i;
  ASSERT_FALSE(watch.progress(flight(2, 2000)));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(watch.duplicate(flight(4, 2000))) << i;
  ASSERT_FALSE(watch.progress(flight(2, 2500)));
  EXPECT_TRUE(watch.duplicate(flight(2, 2500)));
}

}  // namespace
}  // namespace microvisor::firmware::net
