// Semihosting as Arm's "Semihosting for AArch32 and AArch64" has it: arguments in blocks of memory, results
// in R0.
#include "board/debug/semihosting.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "board/cpu/state.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kMemory = 0x3000'0000;
constexpr std::uint32_t kBlock = kMemory + 0x100;
constexpr std::uint32_t kText = kMemory + 0x200;
constexpr std::uint32_t kName = kMemory + 0x300;
constexpr std::uint32_t kBuffer = kMemory + 0x400;
constexpr std::uint32_t kMinusOne = 0xFFFF'FFFF;
enum Operation : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWriteC = 0x03,
  kWrite0 = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kReadC = 0x07,
  kIsError = 0x08,
  kIsTty = 0x09,
  kSeek = 0x0A,
  kFileLength = 0x0C,
  kRemove = 0x0E,
  kClock = 0x10,
  kTime = 0x11,
  kSystem = 0x12,
  kErrorNumber = 0x13,
  kCommandLine = 0x15,
  kHeapInfo = 0x16,
  kExit = 0x18,
  kExitExtended = 0x20,
  kElapsed = 0x30,
  kTickFrequency = 0x31,
};

class SemihostingTest : public ::testing::Test {
 protected:
  SemihostingTest()
      : semihosting(bus, scheduler,
                    {.console = [this](std::string_view text) { output += text; },
                     .input =
                         [this](std::span<char> buffer) {
                           const std::size_t count = input.copy(buffer.data(), buffer.size());
                           input.erase(0, count);
                           return count;
                         },
                     .command_line = "firmware.elf"}) {
    bus.add(kMemory, 0x4'0000);
  }

  std::uint32_t call(std::uint32_t operation, std::uint32_t argument) {
    state.r[0] = operation;
    state.r[1] = argument;
    status = semihosting.perform(state);
    return state.r[0];
  }
  /// With a block of words.
  std::uint32_t call(std::uint32_t operation, std::initializer_list<std::uint32_t> block) {
    std::uint32_t address = kBlock;
    for (const std::uint32_t word : block) {
      bus.poke(address, 4, word);
      address += 4;
    }
    return call(operation, kBlock);
  }
  void put(std::uint32_t address, std::string_view text) {
    for (const char letter : text) bus.poke(address++, 1, static_cast<unsigned char>(letter));
    bus.poke(address, 1, 0);
  }
  std::uint32_t open(std::string_view name, std::uint32_t mode) {
    put(kName, name);
    return call(kOpen, {kName, mode, static_cast<std::uint32_t>(name.size())});
  }
  std::string get(std::uint32_t address, std::uint32_t size) {
    std::string text;
    for (std::uint32_t index = 0; index < size; ++index) {
      std::uint32_t value = 0;
      EXPECT_TRUE(bus.peek(address + index, 1, value));
      text += static_cast<char>(value);
    }
    return text;
  }
  std::uint32_t word(std::uint32_t address) {
    std::uint32_t value = 0;
    EXPECT_TRUE(bus.peek(address, 4, value));
    return value;
  }

  TestBus bus;
  Scheduler scheduler;
  CoreState state;
  std::string output, input;
  std::optional<int> status;
  Semihosting semihosting;
};

TEST_F(SemihostingTest, MovesBehindTheBreakpoint) {
  state.r[15] = 0x1000;
  call(kErrorNumber, 0);
  EXPECT_EQ(state.r[15], 0x1002u);
}

TEST_F(SemihostingTest, ConsoleOutput) {
  put(kText, "text");
  call(kWrite0, kText);
  call(kWriteC, kText + 1);
  const std::uint32_t handle = open(":tt", 4);
  ASSERT_NE(handle, kMinusOne);
  EXPECT_EQ(call(kWrite, {handle, kText, 3}), 0u);
  EXPECT_EQ(output, "textetex");
}

TEST_F(SemihostingTest, MoreThanOnePieceIsWritten) {
  const std::uint32_t handle = open(":tt", 8);
  EXPECT_EQ(call(kWrite, {handle, kMemory, 0x2'0000}), 0u);
  EXPECT_EQ(output.size(), 0x2'0000u);
}

TEST_F(SemihostingTest, WhatIsNotWrittenIsCounted) {
  const std::uint32_t handle = open(":tt", 4);
  EXPECT_EQ(call(kWrite, {handle, kMemory + 0x4'0000 - 8, 20}), 12u);
  EXPECT_EQ(call(kWrite, {handle + 5, kText, 4}), 4u);
  EXPECT_EQ(call(kErrorNumber, 0), 9u);  // EBADF
}

TEST_F(SemihostingTest, ConsoleInput) {
  input = "hello";
  const std::uint32_t handle = open(":tt", 0);
  EXPECT_EQ(call(kRead, {handle, kBuffer, 3}), 0u);
  EXPECT_EQ(get(kBuffer, 3), "hel");
  EXPECT_EQ(call(kRead, {handle, kBuffer, 10}), 8u);   // two came
  EXPECT_EQ(call(kRead, {handle, kBuffer, 10}), 10u);  // the end
  input = "x";
  EXPECT_EQ(call(kReadC, 0), static_cast<std::uint32_t>('x'));
}

TEST_F(SemihostingTest, FilesOfTheHostAreRefused) {
  for (const char* name : {"/etc/passwd", "file.txt", ":tt2", ""}) {
    for (std::uint32_t mode = 0; mode < 12; ++mode) EXPECT_EQ(open(name, mode), kMinusOne) << name;
  }
  EXPECT_EQ(call(kErrorNumber, 0), 2u);  // ENOENT
  put(kText, "/tmp/x");
  EXPECT_EQ(call(kRemove, {kText, 6}), kMinusOne);
  EXPECT_EQ(call(kSystem, {kText, 6}), kMinusOne);
  EXPECT_EQ(call(kErrorNumber, 0), 13u);  // EACCES
}

TEST_F(SemihostingTest, FeaturesFile) {
  EXPECT_EQ(open(":semihosting-features", 4), kMinusOne);
  const std::uint32_t handle = open(":semihosting-features", 1);
  ASSERT_NE(handle, kMinusOne);
  EXPECT_EQ(call(kFileLength, {handle}), 5u);
  EXPECT_EQ(call(kIsTty, {handle}), 0u);
  EXPECT_EQ(call(kRead, {handle, kBuffer, 4}), 0u);
  EXPECT_EQ(get(kBuffer, 4), "SHFB");
  EXPECT_EQ(call(kRead, {handle, kBuffer, 4}), 3u);
  EXPECT_EQ(get(kBuffer, 1), "\x03");  // SYS_EXIT_EXTENDED, and stdout apart from stderr
  EXPECT_EQ(call(kSeek, {handle, 1}), 0u);
  EXPECT_EQ(call(kRead, {handle, kBuffer, 1}), 0u);
  EXPECT_EQ(get(kBuffer, 1), "H");
  EXPECT_EQ(call(kSeek, {handle, 6}), kMinusOne);
  EXPECT_EQ(call(kClose, {handle}), 0u);
  EXPECT_EQ(call(kClose, {handle}), kMinusOne);
}

TEST_F(SemihostingTest, HandlesAreFewAndComeBack) {
  std::vector<std::uint32_t> handles;
  for (std::uint32_t handle = open(":tt", 4); handle != kMinusOne; handle = open(":tt", 4)) {
    EXPECT_NE(handle, 0u);
    handles.push_back(handle);
  }
  EXPECT_EQ(call(kErrorNumber, 0), 24u);  // EMFILE
  EXPECT_EQ(call(kClose, {handles.front()}), 0u);
  EXPECT_EQ(open(":tt", 4), handles.front());
}

TEST_F(SemihostingTest, TheConsoleIsATerminal) {
  const std::uint32_t handle = open(":tt", 4);
  EXPECT_EQ(call(kIsTty, {handle}), 1u);
  EXPECT_EQ(call(kIsTty, {handle + 3}), kMinusOne);
  EXPECT_EQ(call(kFileLength, {handle}), 0u);
  EXPECT_EQ(call(kSeek, {handle, 0}), kMinusOne);
}

TEST_F(SemihostingTest, Errors) {
  EXPECT_EQ(call(kIsError, {0}), 0u);
  EXPECT_EQ(call(kIsError, {kMinusOne}), 1u);
  EXPECT_EQ(call(0x99, 0), kMinusOne);
}

TEST_F(SemihostingTest, TimeIsVirtual) {
  scheduler.skip_to(3 * kTicksPerSecond + 50 * 1000 * kTicksPerMicrosecond);
  EXPECT_EQ(call(kClock, 0), 305u);  // centiseconds
  EXPECT_EQ(call(kTime, 0), 3u);
  EXPECT_EQ(call(kTickFrequency, 0), 1'000'000u);
  EXPECT_EQ(call(kElapsed, kBuffer), 0u);
  EXPECT_EQ(word(kBuffer), 3'050'000u);
  EXPECT_EQ(word(kBuffer + 4), 0u);
}

TEST_F(SemihostingTest, CommandLine) {
  EXPECT_EQ(call(kCommandLine, {kBuffer, 80}), 0u);
  EXPECT_EQ(get(kBuffer, 13), std::string("firmware.elf\0", 13));
  EXPECT_EQ(word(kBlock + 4), 12u);
  EXPECT_EQ(call(kCommandLine, {kBuffer, 12}), kMinusOne);  // no room for the zero
}

TEST_F(SemihostingTest, HeapIsTheFirmwaresOwnAffair) {
  put(kBuffer, "0123456789abcdef");
  EXPECT_EQ(call(kHeapInfo, {kBuffer}), 0u);
  EXPECT_EQ(get(kBuffer, 16), std::string(16, '\0'));
}

TEST_F(SemihostingTest, Exit) {
  call(kExit, 0x2'0026);
  EXPECT_EQ(status, 0);
  call(kExit, 0x2'0023);
  EXPECT_EQ(status, 1);
  call(kExitExtended, {0x2'0026, 42});
  EXPECT_EQ(status, 42);
  call(kExitExtended, {0x2'0024, 0});
  EXPECT_EQ(status, 1);
  call(kErrorNumber, 0);
  EXPECT_FALSE(status);
}

/// Pointers into nothing: no crash, an error or an end.
TEST_F(SemihostingTest, PointersIntoNothing) {
  for (std::uint32_t operation = 0; operation < 0x40; ++operation) {
    for (const std::uint32_t argument : {0u, 0x9000'0000u, 0xFFFF'FFFEu}) call(operation, argument);
    call(operation, {0x9000'0000, 0x9000'0000, 0xFFFF'FFFF, 0xFFFF'FFFF});
  }
  EXPECT_LT(output.size(), 1000u);
}

}  // namespace
}  // namespace microvisor::board
