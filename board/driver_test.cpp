// What the vendor's drivers do to clocks, flash, serial ports, I2C, timers and pins, register by register, on
// a whole board: each program checks the chip and ends with the number of the first check that fails. Here is
// what stands outside of the chip: peers, wires, buttons.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "board/peripherals/i2c_slave.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kUsart1 = 0x4001'3800;
constexpr std::uint32_t kI2c1 = 0x4000'5400;

class DriverTest : public ::testing::Test {
 protected:
  void load(const std::string& program) {
    BoardOptions options;
    options.semihosting = true;
    options.host_calls.console = [this](std::string_view text) {
      if (on_print) on_print(std::string(text));
    };
    auto created = Board::create(std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1))), options);
    ASSERT_TRUE(created) << created.error().message;
    board = std::move(*created);
    const auto image = load_elf(std::filesystem::path(MICROVISOR_BOARD_GUESTS) / (program + ".elf"));
    ASSERT_TRUE(image) << image.error().message;
    const auto booted = board->boot_image(*image);
    ASSERT_TRUE(booted) << booted.error().message;
  }
  /// Runs to the program's end, which has to be a good one.
  void expect_success() {
    EXPECT_EQ(board->run({.until = board->scheduler().now() + 20 * kTicksPerSecond}), RunEnd::Exited);
    EXPECT_EQ(board->exit_status(), 0) << "the number of the check that failed";
  }
  /// Has `action` done after so many microseconds of the board.
  void after(std::uint64_t microseconds, std::function<void()> action) {
    events.push_back(std::make_unique<Scheduler::Event>(board->scheduler(), std::move(action)));
    events.back()->after(microseconds * kTicksPerMicrosecond);
  }

  std::function<void(const std::string&)> on_print;
  std::unique_ptr<Board> board;
  std::vector<std::unique_ptr<Scheduler::Event>> events;
};

constexpr PinId kButton{2, 13};

TEST_F(DriverTest, ClockTo160MegahertzAndAgainAfterStop) {
  std::vector<std::uint32_t> clocks;
  double asleep = 0;
  on_print = [&](const std::string&) {
    clocks.push_back(board->clocks().hclk());
    after(50'000, [this, &clocks, &asleep] {
      clocks.push_back(board->clocks().stopped() ? 0 : board->clocks().hclk());
      asleep = board->statistics().virtual_seconds;
      board->pins().drive(kButton, true);
    });
  };
  load("driver_clock");
  expect_success();
  // In Stop mode the clock of core and buses stands still (RM0456 10.7.6).
  EXPECT_EQ(clocks, (std::vector<std::uint32_t>{160'000'000, 0}));
  EXPECT_EQ(board->clocks().hclk(), 160'000'000U);
  // 100 ticks of a SysTick that runs at the clock it was told of.
  EXPECT_NEAR(board->statistics().virtual_seconds - asleep, 0.1, 0.003);
}

/// Sends each line back, character by character at the speed of the line, from two characters after its end.
class Echo final : public SerialDevice {
 public:
  explicit Echo(Board& board) : port_(*board.serial(kUsart1)), next_(board.scheduler(), [this] { send(); }) {
    port_.connect(this);
  }
  ~Echo() override { port_.connect(nullptr); }
  void byte_from_chip(std::uint8_t byte) override {
    heard_ += static_cast<char>(byte);
    if (byte != '\n') return;
    answer_ = heard_;
    heard_.clear();
    lines.push_back(answer_);
    next_.after(2 * port_.frame_time());
  }
  void chip_ready_changed(bool) override {}
  std::vector<std::string> lines;

 private:
  void send() {
    if (answer_.empty()) return;
    port_.byte_to_chip(static_cast<std::uint8_t>(answer_[0]));
    answer_.erase(0, 1);
    next_.after(port_.frame_time());
  }

  SerialPort& port_;
  Scheduler::Event next_;
  std::string heard_, answer_;
};

TEST_F(DriverTest, SerialPortPolledToIdleAndByInterrupt) {
  load("driver_serial");
  Echo echo(*board);
  expect_success();
  EXPECT_EQ(echo.lines, std::vector<std::string>(6, "The quick brown fox jumps over the lazy dog.\n"));
}

/// 64 KiB with two address bytes, as 24xx512 parts are.
class Eeprom final : public I2cSlave {
 public:
  bool start(bool reading) override {
    if (!reading) received_ = 0;
    return true;
  }
  bool write(std::uint8_t byte) override {
    if (received_++ < 2) {
      address_ = static_cast<std::uint16_t>((address_ << 8) | byte);
    } else {
      cells[address_++] = byte;
    }
    return true;
  }
  std::uint8_t read() override { return cells[address_++]; }
  void stop() override {}
  void serialise(Archive& archive) override { archive(cells, received_, address_); }
  std::vector<std::uint8_t> cells = std::vector<std::uint8_t>(0x10000, 0xFF);

 private:
  unsigned received_ = 0;
  std::uint16_t address_ = 0;
};

TEST_F(DriverTest, I2cScanAndMemoryTransfersOverTheSizeOfOneChunk) {
  load("driver_i2c");
  Eeprom eeprom;
  board->i2c(kI2c1)->attach(0x50, &eeprom);
  expect_success();
  for (unsigned i = 0; i < 300; ++i) ASSERT_EQ(eeprom.cells[0x123 + i], static_cast<std::uint8_t>(7 * i + 3));
}

TEST_F(DriverTest, TimersMakeAndMeasurePulses) {
  constexpr PinId kServo{0, 6}, kMeasured{0, 1}, kPulse{1, 6}, kTrigger{1, 7};
  std::vector<Time> pulse;
  Time edge = 0;
  on_print = [&](const std::string&) {
    after(1000, [&] {
      edge = board->scheduler().now();
      board->pins().drive(kTrigger, true);
    });
  };
  load("driver_timer");
  board->pins().on_output_change([&](PinId pin, bool level) {
    if (pin == kServo) board->pins().drive(kMeasured, level);
    if (pin == kPulse && edge != 0) pulse.push_back(board->scheduler().now() - edge);
  });
  board->pins().drive(kTrigger, false);
  expect_success();
  ASSERT_EQ(pulse.size(), 2U);
  EXPECT_EQ(pulse[0] / kTicksPerMicrosecond, 200U);
  EXPECT_EQ((pulse[1] - pulse[0]) / kTicksPerMicrosecond, 300U);
}

TEST_F(DriverTest, PinsInterruptAndWake) {
  constexpr PinId kRising{5, 3}, kFalling{1, 11}, kEvent{0, 0};
  on_print = [&](const std::string& text) {
    if (text == "event\n") return after(1000, [&] { board->pins().drive(kEvent, true); });
    for (const PinId pin : {kRising, kFalling, kButton}) {
      after(100, [this, pin] { board->pins().drive(pin, true); });
      after(200, [this, pin] { board->pins().drive(pin, false); });
    }
  };
  load("driver_edges");
  expect_success();
}

TEST_F(DriverTest, FlashByQuadWordBurstAndErase) {
  load("driver_flash");
  expect_success();
}

}  // namespace
}  // namespace microvisor::board
