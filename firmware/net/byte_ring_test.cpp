// The ring between interrupt and worker: order, capacity, wrap-around, and two threads at once.
#include "firmware/net/byte_ring.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace microvisor::firmware::net {
namespace {

TEST(ByteRing, KeepsOrderAndRefusesWhatDoesNotFit) {
  ByteRing<8> ring;
  const std::array<std::uint8_t, 10> bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(ring.put(bytes), 8U);
  EXPECT_EQ(ring.room(), 0U);
  EXPECT_FALSE(ring.put(99));
  std::array<std::uint8_t, 3> some{};
  EXPECT_EQ(ring.take(some), 3U);
  EXPECT_EQ(some, (std::array<std::uint8_t, 3>{0, 1, 2}));
  EXPECT_EQ(ring.put(std::span(bytes).subspan(8)), 2U);
  std::array<std::uint8_t, 16> rest{};
  EXPECT_EQ(ring.take(rest), 7U);
  EXPECT_EQ(rest[0], 3);
  EXPECT_EQ(rest[6], 9);
  EXPECT_EQ(ring.used(), 0U);
}

TEST(ByteRing, OneProducerAndOneConsumerNeedNoLock) {
  ByteRing<64> ring;
  constexpr std::uint32_t kCount = 200'000;
  std::thread producer([&] {
    for (std::uint32_t sent = 0; sent < kCount;) {
      if (ring.put(static_cast<std::uint8_t>(sent * 7))) ++sent;
    }
  });
  std::uint32_t wrong = 0;
  for (std::uint32_t received = 0; received < kCount;) {
    std::uint8_t byte = 0;
    if (!ring.take(byte)) continue;
    if (byte != static_cast<std::uint8_t>(received * 7)) ++wrong;
    ++received;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace microvisor::firmware::net
