// A board with one of the bare guest programs in its flash, for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"

namespace microvisor::board::testing {

inline std::filesystem::path guest(const std::string& name) {
  return std::filesystem::path(MICROVISOR_BOARD_GUESTS) / (name + ".elf");
}

struct Machine {
  explicit Machine(const std::string& program, std::uint64_t seed = 1)
      : Machine(program, std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(seed)))) {}
  Machine(const std::string& program, BoardMemories memories) {
    BoardOptions options;
    options.semihosting = true;
    options.host_calls.console = [this](std::string_view text) { output += text; };
    options.report = [this](std::string_view line) { reports.emplace_back(line); };
    auto created = Board::create(std::move(memories), options);
    EXPECT_TRUE(created) << created.error().message;
    board = std::move(*created);
    auto image = load_elf(guest(program));
    EXPECT_TRUE(image) << image.error().message;
    const auto booted = board->boot_image(*image);
    EXPECT_TRUE(booted) << booted.error().message;
  }
  RunEnd run(std::uint64_t milliseconds = 10'000) {
    return board->run({.until = milliseconds * 1000 * kTicksPerMicrosecond, .instructions = 100'000'000});
  }

  std::string output;
  std::vector<std::string> reports;
  std::unique_ptr<Board> board;
};

}  // namespace microvisor::board::testing
