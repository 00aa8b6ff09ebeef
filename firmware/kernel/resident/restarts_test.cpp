// Calls that take more than one trap: how they are known again.
#include "firmware/kernel/resident/restarts.hpp"

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
  auto* entry = restarts.find_or_begin(Gate::SetWifiConfig, kCaller);
  ASSERT_NE(entry, nullptr);
  entry->progress = 1024;
  entry->object = 42;
  EXPECT_EQ(restarts.find_or_begin(Gate::SetWifiConfig, kCaller), entry);
  for (const Caller& other : others()) EXPECT_NE(restarts.find_or_begin(Gate::SetWifiConfig, other), entry);
  EXPECT_NE(restarts.find_or_begin(Gate::ExternalFlashReadBlocking, kCaller), entry);
  restarts.abandon(42);
  EXPECT_EQ(restarts.find_or_begin(Gate::SetWifiConfig, kCaller)->progress, 0U);
}

TEST(Restarts, ThirtyTwoAreOpenAtMost) {
  Restarts restarts;
  Restarts::Entry* last = nullptr;
  for (std::uint32_t i = 0; i < Restarts::kOpen; ++i) {
    last = restarts.find_or_begin(Gate::SetWifiConfig, {{}, i, 0, 0});
    EXPECT_NE(last, nullptr);
  }
  EXPECT_EQ(restarts.find_or_begin(Gate::SetWifiConfig, kCaller), nullptr);
  restarts.end(*last);
  EXPECT_NE(restarts.find_or_begin(Gate::SetWifiConfig, kCaller), nullptr);
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
