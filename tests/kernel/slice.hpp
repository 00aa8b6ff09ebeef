// Moments of a slice of the worker's: what an application does there comes between any two instructions of
// its.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "tests/kernel/chatter.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {

inline constexpr unsigned kPendSv = 14;

/// Runs until the first instruction of a slice, once the application has said the line.
inline void go_to_a_slice(KernelMachine& machine, const std::string& line) {
  EXPECT_TRUE(run_chattering(machine, line, 3000));
  (void)run_chattering(machine, "none", 10);
  Chatter(machine.board()).say(0);
  const auto& state = machine.board().core().state;
  for (unsigned i = 0; i < 1'000'000 && state.ipsr != kPendSv; ++i) machine.board().run({.instructions = 1});
  EXPECT_EQ(state.r[15], kernel_symbol("pendsv_handler") & ~1u);
}

/// Instructions until the application's code goes on, from the snapshot of a first instruction.
inline std::uint64_t length_of_slice(const board::Snapshot& snapshot) {
  KernelMachine machine(snapshot);
  const auto& state = machine.board().core().state;
  std::uint64_t length = 0;
  for (; state.ipsr != 0 || state.world != board::kNonSecure; ++length)
    machine.board().run({.instructions = 1});
  return length;
}

/// The first and the last `border` instructions of a slice, and each `stride`-th between.
inline std::set<std::uint64_t> moments_of_slice(std::uint64_t length, std::uint64_t border,
                                                std::uint64_t stride) {
  EXPECT_GT(length, 2 * border);
  std::set<std::uint64_t> moments;
  for (std::uint64_t i = 0; i < border; ++i) moments.insert({i, length - i});
  for (std::uint64_t i = 0; i < length; i += stride) moments.insert(i);
  return moments;
}

}  // namespace microvisor::tests
