// Encodings made in their own thread: shared, kept, and made against what the device really runs.
#include "cloud/gateway/encodings.hpp"

#include <gtest/gtest.h>

#include <future>

#include "protocol/bundle/crypto.hpp"
#include "protocol/transfer/test_stream.hpp"

namespace microvisor::cloud {
namespace {

using protocol::Bytes;
using protocol::ByteView;

/// The service thread: runs what is posted when it is asked to.
class Service {
 public:
  void post(std::function<void()> function) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
    changed_.notify_one();
  }
  void run_one() {
    std::function<void()> function;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !posted_.empty(); });
      function = std::move(posted_.front());
      posted_.pop_front();
    }
    function();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

SharedBytes image(std::uint32_t seed, std::size_t size = 30'000) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  return std::make_shared<const Bytes>(std::move(bytes));
}

SharedBytes changed(const SharedBytes& old) {
  Bytes bytes = *old;
  for (std::size_t i = 50; i < bytes.size(); i += 1000) bytes[i] ^= 0xFF;
  return std::make_shared<const Bytes>(std::move(bytes));
}

RunningImage running(const SharedBytes& layer) {
  return {.hash = protocol::sha256(*layer), .address = 0x0800'0000, .layers = {{0, layer}}};
}

struct EncodingsTest : testing::Test {
  Service service;
  Encodings encodings{[this](std::function<void()> function) { service.post(std::move(function)); }};
  SharedBytes old = image(1);
  SharedBytes fresh = changed(old);
};

TEST_F(EncodingsTest, ADifferenceIsMadeOnceForAllThatWait) {
  std::vector<EncodingPtr> answers;
  const auto collect = [&](const EncodingPtr& encoding) { answers.push_back(encoding); };
  encodings.request("key", fresh, running(old), collect);
  encodings.request("key", fresh, running(old), collect);
  EXPECT_TRUE(answers.empty()) << "never while it is asked for";
  EXPECT_FALSE(encodings.knows("key"));
  service.run_one();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_TRUE(encodings.knows("key"));
  encodings.request("key", fresh, std::nullopt, collect);
  ASSERT_EQ(answers.size(), 3U) << "at once";
  EXPECT_EQ(encodings.encoded(), 1U);
  ASSERT_TRUE(answers[0]);
  EXPECT_LT(answers[0]->size(0), 1000U);
  EXPECT_EQ(answers[0]->size(0), answers[0]->stream(0)->size());
  protocol::transfer::Request request;
  request.base = *old;
  const auto decoded = protocol::transfer::test::decode(*answers[0]->stream(0), request);
  EXPECT_EQ(decoded.status, protocol::transfer::Status::Complete);
  EXPECT_EQ(decoded.object, *fresh);
}

TEST_F(EncodingsTest, WithoutABaseItIsCompressed) {
  const auto object = std::make_shared<const Bytes>(30'000, std::uint8_t{7});
  EncodingPtr answer;
  encodings.request("key", object, std::nullopt, [&](const EncodingPtr& encoding) { answer = encoding; });
  service.run_one();
  ASSERT_TRUE(answer);
  const auto decoded = protocol::transfer::test::decode(*answer->stream(0));
  EXPECT_EQ(decoded.object, *object);
}

TEST_F(EncodingsTest, ADeviceThatRunsSomethingElseIsSentNoDifference) {
  RunningImage other = running(old);
  other.hash[0] ^= 1;
  EncodingPtr answer;
  encodings.request("key", fresh, other, [&](const EncodingPtr& encoding) { answer = encoding; });
  service.run_one();
  ASSERT_TRUE(answer);
  const auto decoded = protocol::transfer::test::decode(*answer->stream(0));
  EXPECT_EQ(decoded.status, protocol::transfer::Status::Complete) << "it has no base";
  EXPECT_EQ(decoded.object, *fresh);
}

TEST_F(EncodingsTest, ImpossibleObjectsTravelAsTheyAre) {
  bool answered = false;
  encodings.request("key", std::make_shared<const Bytes>(), std::nullopt, [&](const EncodingPtr& encoding) {
    answered = true;
    EXPECT_FALSE(encoding);
  });
  EXPECT_TRUE(answered);
}

TEST_F(EncodingsTest, TooManyAtOnceTravelAsTheyAre) {
  std::vector<EncodingPtr> now;
  for (int i = 0; i < 100; ++i) {
    encodings.request(std::to_string(i), fresh, std::nullopt,
                      [&](const EncodingPtr& encoding) { now.push_back(encoding); });
  }
  ASSERT_FALSE(now.empty());
  EXPECT_LT(now.size(), 100U);
  for (const auto& encoding : now) EXPECT_FALSE(encoding);
}

TEST_F(EncodingsTest, WhatHasNotBeenAskedForLongGivesWay) {
  // Each is 30,000 bytes that do not compress, kept in segments and as one stream: room for two.
  Encodings few([this](std::function<void()> function) { service.post(std::move(function)); }, 150'000);
  const auto ask = [&](const std::string& key) {
    const bool known = few.knows(key);
    few.request(key, old, std::nullopt, [](const EncodingPtr&) {});
    if (!known) service.run_one();
  };
  ask("a");
  ask("b");
  ask("a");
  ask("c");
  EXPECT_TRUE(few.knows("a"));
  EXPECT_FALSE(few.knows("b"));
  EXPECT_TRUE(few.knows("c"));
}

TEST(BaseOf, IsWhatTheFlashHoldsFromAnAddressOn) {
  const auto first = std::make_shared<const Bytes>(Bytes{1, 2, 3});
  const auto second = std::make_shared<const Bytes>(Bytes{4, 5});
  const Bytes flash{1, 2, 3, 0xFF, 4, 5};
  RunningImage image{
      .hash = protocol::sha256(flash), .address = 0x0800'0000, .layers = {{0, first}, {4, second}}};
  EXPECT_EQ(base_of(image), flash);
  image.address += 4;
  EXPECT_EQ(base_of(image), *second);
  image.address += 2;
  EXPECT_TRUE(base_of(image).empty()) << "behind the end";
  image.address = 0x07FF'FFFF;
  EXPECT_TRUE(base_of(image).empty());
  image.address = 0x0800'0000;
  image.hash[5] ^= 1;
  EXPECT_TRUE(base_of(image).empty()) << "not what the device runs";
}

TEST(BaseOf, OfAKernelIsItsImage) {
  const SharedBytes kernel = image(3);
  RunningImage running{.hash = protocol::sha256(*kernel),
                       .address = 0x0C12'2000,
                       .start = 0x0C12'2000,
                       .layers = {{0, kernel}}};
  EXPECT_EQ(base_of(running), *kernel);
  running.hash[0] ^= 1;
  EXPECT_TRUE(base_of(running).empty()) << "not what the device runs";
}

}  // namespace
}  // namespace microvisor::cloud
