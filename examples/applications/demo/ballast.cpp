// 256 KiB that do not compress: a linear congruential sequence (Numerical Recipes' constants).
#include <array>
#include <cstdint>

#ifndef BALLAST_SEED
#define BALLAST_SEED 1
#endif

namespace {

constexpr std::size_t kWords = 256 * 1024 / 4;

constexpr std::array<std::uint32_t, kWords> make_ballast() {
  std::array<std::uint32_t, kWords> words{};
  std::uint32_t value = BALLAST_SEED;
  for (auto& word : words) word = value = value * 1664525u + 1013904223u;
  return words;
}

}  // namespace

extern "C" __attribute__((used)) constinit const std::array<std::uint32_t, kWords> ballast = make_ballast();
