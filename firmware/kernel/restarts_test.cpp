// Calls that take more than one trap: how they are known again.
#include "firmware/kernel/restarts.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "firmware/kernel/resident/pieces.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::Gate;

const Caller kCaller{{{1, 2, 3, 4}}, 0x2000'1000, 0x0800'0101, 0};

/// The same caller but for one thing each.
std::vector<Caller> others() {
  std::vector<Caller> result(6, kCaller);
  for (unsigned i = 0; i < 4; ++i) ++result[i].arguments.r[i];
  result[4].stack_pointer += 8;
  result[5].lr += 4;
  return result;
}

TEST(Restarts, CallsAreFoundByWhatIdentifiesThem) {
  Restarts restarts;
  EXPECT_EQ(restarts.find(Gate::SetWifiConfig, kCaller), nullptr);
  ASSERT_TRUE(restarts.begin(Gate::SetWifiConfig, kCaller, 42));
  auto* entry = restarts.find(Gate::SetWifiConfig, kCaller);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->progress, 0U);
  EXPECT_EQ(entry->object, 42U);
  for (const Caller& other : others()) EXPECT_EQ(restarts.find(Gate::SetWifiConfig, other), nullptr);
  EXPECT_EQ(restarts.find(Gate::ExternalFlashReadBlocking, kCaller), nullptr);
  restarts.abandon(41);
  EXPECT_EQ(restarts.find(Gate::SetWifiConfig, kCaller), entry);
  restarts.abandon(42);
  EXPECT_EQ(restarts.find(Gate::SetWifiConfig, kCaller), nullptr);
}

TEST(Restarts, ThirtyTwoAreOpenAtMost) {
  Restarts restarts;
  for (std::uint32_t i = 0; i < Restarts::kOpen; ++i) {
    EXPECT_TRUE(restarts.begin(Gate::SetWifiConfig, {{}, i, 0, 0}, 0));
  }
  EXPECT_FALSE(restarts.begin(Gate::SetWifiConfig, kCaller, 0));
  restarts.end(*restarts.find(Gate::SetWifiConfig, {{}, 7, 0, 0}));
  EXPECT_TRUE(restarts.begin(Gate::SetWifiConfig, kCaller, 0));
}

TEST(Pieces, FollowEachOtherAndTheLastIsSmall) {
  Pieces pieces;
  std::uint32_t copied = 0;
  for (bool last = false; !last;) {
    const auto piece = pieces.next(kCaller, 700);
    EXPECT_EQ(piece.from, copied);
    EXPECT_LE(piece.size, piece.last ? Pieces::kLast : Pieces::kPiece);
    copied += piece.size;
    last = piece.last;
  }
  EXPECT_EQ(copied, 700U);
  EXPECT_EQ(pieces.next(kCaller, 700).from, 0U);  // the next call begins
}

TEST(Pieces, WhatIsShortTakesOneTrap) {
  Pieces pieces;
  const auto piece = pieces.next(kCaller, Pieces::kLast);
  EXPECT_EQ(piece.size, Pieces::kLast);
  EXPECT_TRUE(piece.last);
  EXPECT_TRUE(pieces.next(kCaller, 0).last);
}

TEST(Pieces, AnyOtherCallMakesTheFirstBeginAnew) {
  for (const Caller& other : others()) {
    for (const std::uint32_t total : {1u, 700u}) {
      Pieces pieces;
      EXPECT_EQ(pieces.next(kCaller, 700).from, 0U);
      EXPECT_EQ(pieces.next(kCaller, 700).from, Pieces::kPiece);
      EXPECT_EQ(pieces.next(other, total).from, 0U);
      EXPECT_EQ(pieces.next(kCaller, 700).from, 0U);
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::kernel
