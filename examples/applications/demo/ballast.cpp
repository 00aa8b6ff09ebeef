// 256 KiB that do not compress: a linear congruential sequence (Numerical Recipes' constants).
#include <array>
#include <cstdint>

namespace {

constexpr std::size_t kWords = 256 * 1024 / 4;

constexpr std::array<std::uint32_t, kWords> make_ballast() {
  std::array<std::uint32_t, kWords> words{};
  std::uint32_t value = 1;
  for (auto& word : words) word = value = value * 1664525u + 1013904223u;
  return words;
}

}  // namespace

extern "C" __attribute__((used)) constinit const std::array<std::uint32_t, kWords> ballast = make_ballast();
