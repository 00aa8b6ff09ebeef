// See pointer_calls.hpp.
#include "tests/kernel/pointer_calls.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace microvisor::tests {
namespace {

/// In an alias of flash or SRAM that is the Secure world's: not the application's code, which BXNS and BLXNS
/// go to.
bool is_secure(std::uint32_t address) {
  return (address & 0xFC00'0000) == 0x0C00'0000 || (address & 0xF000'0000) == 0x3000'0000;
}

}  // namespace

/// Lines of kernel.calls: address of the call, number of the register, addresses where it may lead.
PointerCallWatch::PointerCallWatch(board::Board& board) : core_(board.core()) {
  std::ifstream file(MICROVISOR_KERNEL_CALLS);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::uint32_t address = 0;
    Call call;
    words >> std::hex >> address >> std::dec >> call.register_number >> std::hex;
    for (std::uint32_t target = 0; words >> target;) call.listed.insert(target);
    calls_.emplace(address, call);
  }
  if (calls_.empty()) throw std::runtime_error("no calls in " MICROVISOR_KERNEL_CALLS);
  board::set_tracer(core_, this);
  for (const auto& [address, call] : calls_) board::add_trace_point(core_, address);
}

PointerCallWatch::~PointerCallWatch() {
  if (core_.tracer == this) board::set_tracer(core_, nullptr);
}

void PointerCallWatch::reached(std::uint32_t address) {
  Call& call = calls_.at(address);
  call.made.insert(core_.state.r[call.register_number] & ~1u);
}

void PointerCallWatch::expect_as_listed() const {
  std::size_t made = 0;
  for (const auto& [address, call] : calls_) {
    for (const std::uint32_t target : call.made) {
      EXPECT_TRUE(call.listed.contains(target) || !is_secure(target))
          << std::hex << address << " calls " << target;
    }
    if (!call.made.empty()) ++made;
  }
  std::printf("%zu of %zu calls through pointers were made\n", made, calls_.size());
  EXPECT_GT(2 * made, calls_.size()) << "too few to say anything";
}

}  // namespace microvisor::tests
