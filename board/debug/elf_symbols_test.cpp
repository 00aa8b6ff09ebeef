// Names from the symbol tables of real programs (board/guests), and damaged ones.
#include "board/debug/elf_symbols.hpp"

#include <gtest/gtest.h>

#include <random>

#include "board/debug/elf_image.hpp"

namespace microvisor::board {
namespace {

std::vector<std::uint8_t> guest() {
  return std::move(*read_image_file(std::filesystem::path(MICROVISOR_BOARD_GUESTS) / "sleep.elf"));
}

TEST(ElfSymbols, FunctionsWithoutTheThumbBit) {
  const auto symbols = parse_symbols(guest());
  ASSERT_TRUE(symbols);
  std::size_t found = 0;
  for (const auto& [address, symbol] : *symbols) {
    EXPECT_EQ(address & 1, 0u) << symbol.name;
    EXPECT_NE(symbol.name.front(), '$');
    if (symbol.name != "main" && symbol.name != "systick_handler") continue;
    ++found;
    EXPECT_TRUE(symbol.function);
    EXPECT_GT(symbol.size, 0u);
  }
  EXPECT_EQ(found, 2u);
}

TEST(ElfSymbols, AroundAnAddress) {
  const Symbols symbols{{0x100, {"known", 8, true}}, {0x200, {"gate", 0, false}}};
  EXPECT_EQ(symbol_around(symbols, 0xFE), nullptr);
  EXPECT_EQ(symbol_around(symbols, 0x100)->name, "known");
  EXPECT_EQ(symbol_around(symbols, 0x106)->name, "known");
  EXPECT_EQ(symbol_around(symbols, 0x108), nullptr);
  EXPECT_EQ(symbol_around(symbols, 0x200)->name, "gate");
  EXPECT_EQ(symbol_around(symbols, 0x202), nullptr);
}

TEST(ElfSymbols, WhatIsNoElfIsRefused) {
  EXPECT_EQ(parse_symbols(std::vector<std::uint8_t>(100)).error().kind, BoardError::Kind::BadImage);
  EXPECT_EQ(load_symbols("/nonexistent.elf").error().kind, BoardError::Kind::Missing);
}

/// Whatever a damaged file says, nothing outside of it is read (the sanitizers see to that).
TEST(ElfSymbols, DamagedFiles) {
  const std::vector<std::uint8_t> whole = guest();
  std::mt19937 random(3);
  for (unsigned round = 0; round < 2000; ++round) {
    std::vector<std::uint8_t> damaged = whole;
    for (unsigned count = 1 + random() % 8; count > 0; --count) {
      // Half of the changes hit the header or the table of sections at the end.
      const std::size_t place = random() % 2 == 0 ? random() % 52 : damaged.size() - 1 - random() % 400;
      damaged[place] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    (void)parse_symbols(damaged);
  }
}

}  // namespace
}  // namespace microvisor::board
