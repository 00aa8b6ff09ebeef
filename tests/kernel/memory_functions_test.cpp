// The kernel's own memcpy and memmove (firmware/kernel/resident), run by the virtual core on all alignments.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/kernel/caller_machine.hpp"

namespace microvisor::tests {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// The device in the middle of a system call, from where any function of the kernel can be called.
class MemoryFunctions : public testing::Test {
 protected:
  void SetUp() override {
    command order{};
    order.target = 0x0C1F'E0D9;  // mvNoOp
    caller_.prepare(order);
    caller_.begin();
    auto& core = caller_.board().core();
    while (core.state.world != board::kSecure) caller_.board().run({.instructions = 1});
  }

  /// What `function` makes of the memory from kPlace on.
  Bytes call(const char* function, Bytes memory, std::uint32_t to, std::uint32_t from, std::uint32_t size) {
    auto& state = caller_.board().core().state;
    memory.resize((memory.size() + 3) / 4 * 4);
    for (std::uint32_t i = 0; i < memory.size(); i += 4) {
      caller_.poke(place_ + i,
                   static_cast<std::uint32_t>(memory[i] | memory[i + 1] << 8 | memory[i + 2] << 16 |
                                              static_cast<std::uint32_t>(memory[i + 3]) << 24));
    }
    const std::uint32_t back = kernel_symbol("nmi_handler") & ~1u;
    state.r[0] = place_ + to;
    state.r[1] = place_ + from;
    state.r[2] = size;
    state.r[14] = back | 1;
    state.r[15] = kernel_symbol(function) & ~1u;
    const auto kept = state.r;
    for (unsigned i = 0; state.r[15] != back && i < 10'000; ++i) caller_.board().run({.instructions = 1});
    EXPECT_EQ(state.r[0], place_ + to) << function << " returns where it copied to";
    for (const unsigned i : {4, 5, 6, 7, 8, 9, 10, 11, 13}) EXPECT_EQ(state.r[i], kept[i]) << "r" << i;
    for (std::uint32_t i = 0; i < memory.size(); i += 4) {
      const std::uint32_t word = caller_.word(place_ + i);
      for (unsigned k = 0; k < 4; ++k) memory[i + k] = static_cast<std::uint8_t>(word >> (8 * k));
    }
    return memory;
  }

  /// Bytes that are all different from their neighbours.
  Bytes pattern() {
    Bytes bytes(kBytes);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }

  static constexpr std::uint32_t kBytes = 512;
  CallerMachine caller_;
  std::mt19937 random_{5};
  std::uint32_t place_ = canary_address();
};

TEST_F(MemoryFunctions, MemcpyCopiesEveryByteAndNoOther) {
  for (std::uint32_t size = 0; size <= 140; size += size < 40 ? 1 : 11) {
    for (std::uint32_t alignment = 0; alignment < 16; ++alignment) {
      const std::uint32_t to = 256 + alignment % 4, from = 8 + alignment / 4;
      const Bytes before = pattern();
      Bytes expected = before;
      std::copy_n(before.begin() + from, size, expected.begin() + to);
      ASSERT_EQ(call("memcpy", before, to, from, size), expected)
          << size << " bytes, alignment " << alignment;
    }
  }
}

TEST_F(MemoryFunctions, MemmoveGoesEitherWayOverItself) {
  for (const std::uint32_t size : {1u, 3u, 4u, 7u, 32u, 33u, 100u}) {
    for (std::uint32_t distance = 0; distance <= 40; distance += distance < 9 ? 1 : 7) {
      for (std::uint32_t alignment = 0; alignment < 4; ++alignment) {
        const Bytes before = pattern();
        const std::uint32_t low = 64 + alignment, high = low + distance;
        Bytes down = before, up = before;
        std::copy_n(before.begin() + high, size, down.begin() + low);
        std::copy_n(before.begin() + low, size, up.begin() + high);
        ASSERT_EQ(call("memmove", before, low, high, size), down) << size << " bytes by " << distance;
        ASSERT_EQ(call("memmove", before, high, low, size), up) << size << " bytes by " << distance;
      }
    }
  }
}

}  // namespace
}  // namespace microvisor::tests
