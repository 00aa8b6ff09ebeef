// Commands and news by the bytes of protocol/debug/FORMAT.md, against an application that is made of arrays.
#include "firmware/debugger/command_runner.hpp"

#include <gtest/gtest.h>

#include "firmware/debugger/testing/fake_application.hpp"

namespace microvisor::firmware::debugger {
namespace {

using wire::Opcode;
using wire::Status;

class CommandRunnerTest : public ::testing::Test {
 protected:
  CommandRunnerTest() { runner_.start(); }

  void add(const wire::Command& command) { ASSERT_TRUE(writer_.put(command)); }
  /// Runs what was added. The answers lie in `out_`.
  std::vector<wire::Item> run() {
    const std::size_t size = runner_.run(std::span(message_).first(writer_.size()), out_);
    writer_ = wire::Writer(message_);
    return items(size);
  }
  std::vector<wire::Item> news() { return items(runner_.news(out_)); }
  std::vector<wire::Item> items(std::size_t size) {
    std::vector<wire::Item> all;
    wire::Reader reader{std::span<const std::uint8_t>(out_).first(size)};
    wire::Item item;
    while (reader.next(item) == wire::Reader::Result::Taken) all.push_back(item);
    return all;
  }
  Status only_status() {
    const auto answers = run();
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? Status::Unsupported : answers.front().answer.status;
  }

  testing::FakeApplication application_;
  CommandRunner runner_{application_};
  std::array<std::uint8_t, wire::kMaximumMessage> message_{}, out_{};
  wire::Writer writer_{message_};
};

TEST_F(CommandRunnerTest, AnswersInOrderUpToTheFirstRefusal) {
  application_.ram[4] = 0x11;
  add({.opcode = Opcode::ReadMemory, .address = testing::FakeApplication::kRam + 4, .count = 1});
  add({.opcode = Opcode::ReadMemory, .address = 0x3000'0000, .count = 4});
  add({.opcode = Opcode::Halt});
  const auto answers = run();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].answer.status, Status::Ok);
  ASSERT_EQ(answers[0].answer.data.size(), 1u);
  EXPECT_EQ(answers[0].answer.data[0], 0x11);
  EXPECT_EQ(answers[1].answer.status, Status::Refused);
  EXPECT_EQ(application_.run_state, RunState::Runs) << "behind a failure nothing is done";
}

TEST_F(CommandRunnerTest, RegistersAreWrittenAndItGoesOnOnlyWhileHalted) {
  for (const Opcode opcode : {Opcode::WriteRegister, Opcode::Continue, Opcode::Step, Opcode::StepRange}) {
    add({.opcode = opcode});
    EXPECT_EQ(only_status(), Status::NotHalted);
  }
  application_.stop_for(wire::StopReason::Halt);
  add({.opcode = Opcode::WriteRegister, .value = 5, .number = 3});
  EXPECT_EQ(only_status(), Status::Ok);
  EXPECT_EQ(application_.registers[3], 5u);
}

TEST_F(CommandRunnerTest, AStopIsToldOnceWithItsSurroundings) {
  add({.opcode = Opcode::Configure, .stack_bytes = 64, .code_before = 4, .code_after = 4});
  EXPECT_EQ(only_status(), Status::Ok);
  application_.registers[15] = testing::FakeApplication::kRam + 0x100;
  application_.ram[0x1'0000] = 0xAB;
  application_.ram[0x0FC] = 0xCD;
  EXPECT_TRUE(news().empty());
  application_.stop_for(wire::StopReason::Breakpoint);
  const auto told = news();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].stopped.reason, wire::StopReason::Breakpoint);
  ASSERT_EQ(told[0].stopped.stack.size(), 64u);
  EXPECT_EQ(told[0].stopped.stack[0], 0xAB);
  EXPECT_EQ(told[0].stopped.code_address, testing::FakeApplication::kRam + 0x0FC);
  ASSERT_EQ(told[0].stopped.code.size(), 8u);
  EXPECT_EQ(told[0].stopped.code[0], 0xCD);
  EXPECT_TRUE(news().empty());
  add({.opcode = Opcode::Halt});
  EXPECT_EQ(only_status(), Status::Ok);
  EXPECT_EQ(news().size(), 1u) << "whoever asks for a halt is told of it";
}

TEST_F(CommandRunnerTest, SurroundingsEndWhereMemoryDoes) {
  add({.opcode = Opcode::Configure, .stack_bytes = 1024});
  EXPECT_EQ(only_status(), Status::Ok);
  application_.registers[13] = testing::FakeApplication::kRam + 0x8'0000 - 12;
  application_.stop_for(wire::StopReason::Halt);
  const auto told = news();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].stopped.stack_address, testing::FakeApplication::kRam + 0x8'0000 - 64) << "a whole line";
  EXPECT_EQ(told[0].stopped.stack.size(), 64u);
}

TEST_F(CommandRunnerTest, CodeInFlashIsToldOnce) {
  add({.opcode = Opcode::Configure, .code_before = 64, .code_after = 192});
  EXPECT_EQ(only_status(), Status::Ok);
  const auto told_at = [&](std::uint32_t pc) {
    application_.registers[15] = pc;
    application_.stop_for(wire::StopReason::Step);
    const auto told = news();
    return told.size() == 1 ? told[0].stopped.code.size() : 0;
  };
  constexpr std::uint32_t flash = testing::FakeApplication::kFlash;
  EXPECT_EQ(told_at(flash + 0x1000), 256u);
  EXPECT_EQ(told_at(flash + 0x1002), 0u);
  EXPECT_EQ(told_at(flash + 0x0FD0), 0u);
  EXPECT_EQ(told_at(flash + 0x1082), 256u) << "what lies ahead is not known";
  EXPECT_EQ(told_at(flash + 0x0FD0), 256u) << "it remembers one place";
  EXPECT_EQ(told_at(testing::FakeApplication::kRam + 0x1000), 256u);
  EXPECT_EQ(told_at(testing::FakeApplication::kRam + 0x1000), 256u) << "RAM changes";
  runner_.start();
  add({.opcode = Opcode::Configure, .code_before = 64, .code_after = 192});
  EXPECT_EQ(only_status(), Status::Ok);
  EXPECT_EQ(told_at(flash + 0x0FD0), 256u) << "another session knows nothing";
}

TEST_F(CommandRunnerTest, TheLargestConfigurationStillFits) {
  add({.opcode = Opcode::Configure, .stack_bytes = 0xFFFF, .code_before = 0xFFFF, .code_after = 0xFFFF});
  EXPECT_EQ(only_status(), Status::Ok);
  application_.registers[13] = testing::FakeApplication::kRam;
  application_.registers[15] = testing::FakeApplication::kRam + 0x7'0000;
  application_.stop_for(wire::StopReason::Halt);
  EXPECT_EQ(news().size(), 1u);
}

TEST_F(CommandRunnerTest, ReadsAsFarAsThereIsMemory) {
  add({.opcode = Opcode::ReadMemory, .address = testing::FakeApplication::kRam + 0x7'FFF8, .count = 64});
  const auto answers = run();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].answer.data.size(), 8u);
}

TEST_F(CommandRunnerTest, MoreThanFitsIsNoRoom) {
  add({.opcode = Opcode::ReadMemory, .address = testing::FakeApplication::kRam, .count = 2000});
  add({.opcode = Opcode::ReadMemory, .address = testing::FakeApplication::kRam, .count = 2000});
  const auto answers = run();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].answer.status, Status::Ok);
  EXPECT_EQ(answers[1].answer.status, Status::NoRoom);
}

TEST_F(CommandRunnerTest, WhatIsNoMessageIsAnsweredByNothing) {
  const std::array<std::uint8_t, 3> cut{static_cast<std::uint8_t>(Opcode::ReadMemory), 0, 0};
  EXPECT_EQ(runner_.run(cut, out_), 0u);
}

TEST_F(CommandRunnerTest, AnOpcodeOfAnotherVersionIsToldSo) {
  const std::array<std::uint8_t, 1> other{0x7F};
  ASSERT_GE(runner_.run(other, out_), 2u);
  EXPECT_EQ(out_[0], 0x7F | 0x80) << "the opcode with its highest bit set";
  EXPECT_EQ(out_[1], static_cast<std::uint8_t>(Status::Unsupported));
}

}  // namespace
}  // namespace microvisor::firmware::debugger
