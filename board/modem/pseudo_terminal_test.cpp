// A pseudo-terminal of the host as a line of the chip's, with a program at its other end.
#include "board/modem/pseudo_terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace microvisor::board {
namespace {

using Bytes = std::vector<std::uint8_t>;

class Port final : public SerialPort {
 public:
  void connect(SerialDevice* device) override { device_ = device; }
  void byte_to_chip(std::uint8_t byte) override { received.push_back(byte); }
  void set_device_ready(bool ready) override { device_ready = ready; }
  [[nodiscard]] bool chip_ready() const override { return ready_; }
  [[nodiscard]] Time frame_time() const override { return kTicksPerMicrosecond * 10; }
  void set_ready(bool ready) {
    ready_ = ready;
    device_->chip_ready_changed(ready);
  }

  Bytes received;
  bool device_ready = false;

 private:
  SerialDevice* device_ = nullptr;
  bool ready_ = true;
};

class PseudoTerminalTest : public ::testing::Test {
 protected:
  PseudoTerminalTest() : program_(open(line.path().c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    EXPECT_GE(program_, 0);
  }
  ~PseudoTerminalTest() override { close(program_); }

  /// What comes from the host, and the time on the line for it.
  void run() {
    while (line.poll(std::chrono::milliseconds(100))) {
      while (scheduler.next_due() != kNever) {
        scheduler.skip_to(scheduler.next_due());
        scheduler.dispatch();
      }
    }
  }
  void from_chip(const Bytes& bytes) {
    for (const std::uint8_t byte : bytes) line.byte_from_chip(byte);
    line.poll(std::chrono::microseconds(0));
  }
  /// What the program reads until these come last: the host takes its time to hand bytes over.
  Bytes read_until(const Bytes& last) {
    Bytes all;
    std::array<std::uint8_t, 4096> bytes{};
    while (all.size() < last.size() || !std::equal(last.rbegin(), last.rend(), all.rbegin())) {
      pollfd wanted{program_, POLLIN, 0};
      if (::poll(&wanted, 1, 5'000) <= 0) break;
      const ssize_t count = read(program_, bytes.data(), bytes.size());
      if (count > 0) all.insert(all.end(), bytes.begin(), bytes.begin() + count);
    }
    return all;
  }
  void write_all(const Bytes& bytes) {
    ASSERT_EQ(write(program_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  Scheduler scheduler;
  Port port;
  PseudoTerminal line{scheduler, port};
  int program_;
};

/// Each value a byte can have, control characters of terminals among them, and no echo.
TEST_F(PseudoTerminalTest, CarriesEveryByteBothWays) {
  EXPECT_TRUE(port.device_ready);
  Bytes all(256);
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  write_all(all);
  run();
  EXPECT_EQ(port.received, all);
  from_chip(all);
  EXPECT_EQ(read_until({253, 254, 255}), all);
  run();
  EXPECT_EQ(port.received.size(), all.size()) << "nothing comes back";
}

TEST_F(PseudoTerminalTest, KeepsThePaceOfTheLineAndWaitsForTheChip) {
  port.set_ready(false);
  write_all(Bytes(100, 0x55));
  run();
  EXPECT_TRUE(port.received.empty());
  const Time before = scheduler.now();
  port.set_ready(true);
  while (scheduler.next_due() != kNever) {
    scheduler.skip_to(scheduler.next_due());
    scheduler.dispatch();
  }
  EXPECT_EQ(port.received.size(), 100U);
  EXPECT_GE(scheduler.now() - before, 99 * port.frame_time());
}

TEST_F(PseudoTerminalTest, WhatNobodyReadsIsLostAndTheLineGoesOn) {
  for (int times = 0; times < 100; ++times) from_chip(Bytes(4096, 0x2A));
  // All that the host has kept is read; what comes then arrives.
  std::size_t kept = 0;
  Bytes piece(4096);
  pollfd wanted{program_, POLLIN, 0};
  while (::poll(&wanted, 1, 200) > 0)
    kept += static_cast<std::size_t>(std::max<ssize_t>(0, read(program_, piece.data(), piece.size())));
  EXPECT_GT(kept, 0U);
  EXPECT_LT(kept, 100U * 4096);
  from_chip({1, 2, 3});
  EXPECT_EQ(read_until({1, 2, 3}), (Bytes{1, 2, 3}));
}

TEST_F(PseudoTerminalTest, StaysWhenAProgramCloses) {
  close(program_);
  from_chip({1});
  program_ = open(line.path().c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK);
  ASSERT_GE(program_, 0);
  from_chip({2, 3});
  const Bytes read = read_until({2, 3});
  ASSERT_GE(read.size(), 2U) << "with the first byte, or without";
  EXPECT_EQ(Bytes(read.end() - 2, read.end()), (Bytes{2, 3}));
}

TEST_F(PseudoTerminalTest, WaitingEndsWhenItIsWoken) {
  line.wake();
  EXPECT_FALSE(line.poll(std::chrono::hours(1)));
}

}  // namespace
}  // namespace microvisor::board
