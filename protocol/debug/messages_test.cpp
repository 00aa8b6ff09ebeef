// Messages byte by byte, as FORMAT.md has them, and what is no message.
#include "protocol/debug/messages.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::protocol::debug {
namespace {

Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  return from_hex(digits).value();
}

template <class... Arguments>
Bytes written(const Arguments&... items) {
  Bytes message(kMaximumMessage);
  Writer writer(message);
  EXPECT_TRUE((writer.put(items) && ...));
  message.resize(writer.size());
  return message;
}

TEST(DebugCommands, AreWrittenAsTheFormatSays) {
  EXPECT_EQ(written(Command{.opcode = Opcode::Status}), hex("01"));
  EXPECT_EQ(
      written(Command{
          .opcode = Opcode::Configure, .stack_bytes = 0x0400, .code_before = 0x20, .code_after = 0x140}),
      hex("02 0004 2000 4001"));
  EXPECT_EQ(
      written(Command{.opcode = Opcode::ReadMemory, .address = 0x2000'0102, .count = 0x123, .width = 2}),
      hex("03 02010020 02 2301"));
  const Bytes data = hex("aabbcc");
  EXPECT_EQ(written(Command{.opcode = Opcode::WriteMemory, .address = 0x4202'0418, .width = 1, .data = data}),
            hex("04 18040242 01 0300 aabbcc"));
  EXPECT_EQ(written(Command{.opcode = Opcode::WriteRegister, .value = 0x0800'0124, .number = 15}),
            hex("05 0f 24010008"));
  EXPECT_EQ(written(Command{.opcode = Opcode::Continue}), hex("08"));
  EXPECT_EQ(written(Command{.opcode = Opcode::Step}), hex("09"));
  EXPECT_EQ(written(Command{.opcode = Opcode::StepRange, .address = 0x0800'0100, .end = 0x0800'010A}),
            hex("0a 00010008 0a010008"));
  EXPECT_EQ(written(Command{.opcode = Opcode::Halt}), hex("0b"));
  EXPECT_EQ(written(Command{.opcode = Opcode::Restart, .halt = true}), hex("0c 01"));
  EXPECT_EQ(written(Command{.opcode = Opcode::Detach}), hex("0d"));
  EXPECT_EQ(written(Command{.opcode = Opcode::KeepAlive}), hex("0e"));
}

TEST(DebugCommands, HaveWholeSetsOfBreakpointsAndWatchpoints) {
  Bytes entries(2 * kBreakpointBytes);
  write_breakpoint(0x0800'1234, std::span(entries).first<kBreakpointBytes>());
  write_breakpoint(0x0800'5678, std::span(entries).last<kBreakpointBytes>());
  const Bytes breakpoints = written(Command{.opcode = Opcode::SetBreakpoints, .data = entries});
  EXPECT_EQ(breakpoints, hex("06 02 34120008 78560008"));
  Bytes watched(kWatchpointBytes);
  write_watchpoint({0x2000'0010, 4, Watchpoint::kWrite}, std::span(watched).first<kWatchpointBytes>());
  EXPECT_EQ(written(Command{.opcode = Opcode::SetWatchpoints, .data = watched}), hex("07 01 10000020 04 02"));

  Command command;
  ASSERT_EQ(Reader(breakpoints).next(command), Reader::Result::Taken);
  ASSERT_EQ(command.data.size(), 2 * kBreakpointBytes);
  EXPECT_EQ(breakpoint_at(command.data, 0), 0x0800'1234U);
  EXPECT_EQ(breakpoint_at(command.data, 1), 0x0800'5678U);
  EXPECT_EQ(watchpoint_at(watched, 0), (Watchpoint{0x2000'0010, 4, Watchpoint::kWrite}));
}

TEST(DebugCommands, OfOneMessageAreReadInTheirOrder) {
  const Bytes message = hex("05 0d 00020020  04 00000020 04 0400 01020304  09");
  Reader reader(message);
  Command command;
  ASSERT_EQ(reader.next(command), Reader::Result::Taken);
  EXPECT_EQ(command.opcode, Opcode::WriteRegister);
  EXPECT_EQ(command.number, 13);
  EXPECT_EQ(command.value, 0x2000'0200U);
  ASSERT_EQ(reader.next(command), Reader::Result::Taken);
  EXPECT_EQ(command.opcode, Opcode::WriteMemory);
  EXPECT_EQ(command.address, 0x2000'0000U);
  EXPECT_EQ(Bytes(command.data.begin(), command.data.end()), hex("01020304"));
  ASSERT_EQ(reader.next(command), Reader::Result::Taken);
  EXPECT_EQ(command.opcode, Opcode::Step);
  EXPECT_EQ(command.value, 0U) << "nothing is left of the command before";
  EXPECT_EQ(reader.next(command), Reader::Result::End);
}

TEST(DebugCommands, ThatEndEarlyAreMalformed) {
  for (const char* text :
       {"02 0004 2000 4001", "03 02010020 02 2301", "04 18040242 01 0300 aabbcc", "05 0f 24010008",
        "06 02 34120008 78560008", "07 01 10000020 04 02", "0a 00010008 0a010008", "0c 01"}) {
    const Bytes whole = hex(text);
    Command command;
    ASSERT_EQ(Reader(whole).next(command), Reader::Result::Taken) << text;
    for (std::size_t size = 1; size < whole.size(); ++size) {
      Reader reader(ByteView(whole).first(size));
      EXPECT_EQ(reader.next(command), Reader::Result::Malformed) << text << ", " << size;
      EXPECT_EQ(reader.next(command), Reader::Result::End) << "nothing is made of the rest";
    }
  }
}

TEST(DebugCommands, WithValuesThatThereAreNotAreMalformed) {
  Command command;
  EXPECT_EQ(Reader(hex("03 02010020 03 2301")).next(command), Reader::Result::Malformed) << "width 3";
  EXPECT_EQ(Reader(hex("05 3a 24010008")).next(command), Reader::Result::Malformed) << "register 58";
  EXPECT_EQ(Reader(hex("07 01 11000020 04 02")).next(command), Reader::Result::Malformed) << "not aligned";
  EXPECT_EQ(Reader(hex("07 01 10000020 00 02")).next(command), Reader::Result::Malformed) << "no bytes";
  EXPECT_EQ(Reader(hex("07 01 10000020 04 00")).next(command), Reader::Result::Malformed) << "no access";
  EXPECT_EQ(Reader(hex("07 01 10000020 04 04")).next(command), Reader::Result::Malformed) << "access 4";
  EXPECT_EQ(Reader(hex("0c 02")).next(command), Reader::Result::Malformed) << "halt 2";
}

TEST(DebugCommands, OfAnotherVersionAreUnknownAndEndTheMessage) {
  const Bytes message = hex("09 0f 09");
  Reader reader(message);
  Command command;
  ASSERT_EQ(reader.next(command), Reader::Result::Taken);
  ASSERT_EQ(reader.next(command), Reader::Result::Unknown);
  EXPECT_EQ(command.opcode, Opcode{0x0F});
  EXPECT_EQ(reader.next(command), Reader::Result::End);
  EXPECT_EQ(Reader(hex("00")).next(command), Reader::Result::Unknown);
}

TEST(DebugCommands, ThatDoNotFitAreNotWrittenAtAll) {
  Bytes message(7);
  Writer writer(message);
  ASSERT_TRUE(writer.put(Command{.opcode = Opcode::Halt}));
  EXPECT_FALSE(writer.put(Command{.opcode = Opcode::StepRange}));
  EXPECT_EQ(writer.size(), 1U);
  EXPECT_TRUE(writer.put(Command{.opcode = Opcode::WriteRegister, .number = 1})) << "6 bytes are left";
  EXPECT_FALSE(writer.put(Command{.opcode = Opcode::Halt}));
  EXPECT_FALSE(Writer(message).put(Command{.opcode = Opcode{0x0F}})) << "there is no such command";
}

TEST(DebugAnswers, AreWrittenAsTheFormatSays) {
  Answer status{.opcode = Opcode::Status};
  status.device = {.state = 1,
                   .hardware_breakpoints = 8,
                   .breakpoints = 64,
                   .watchpoints = 4,
                   .kernel_version_number = 1002};
  EXPECT_EQ(written(status), hex("81 00 01 08 40 04 ea030000"));
  const Bytes data = hex("0102");
  EXPECT_EQ(written(Answer{.opcode = Opcode::ReadMemory, .data = data}), hex("83 00 0200 0102"));
  EXPECT_EQ(written(Answer{.opcode = Opcode::ReadMemory, .status = Status::Refused}), hex("83 01"));
  EXPECT_EQ(written(Answer{.opcode = Opcode::Step, .status = Status::NotHalted}), hex("89 02"));
  EXPECT_EQ(written(Answer{.opcode = Opcode{0x0F}, .status = Status::Unsupported}), hex("8f 03"));
}

TEST(DebugAnswers, KnowHowMuchMemoryTheyHaveRoomFor) {
  Bytes message(10);
  Writer writer(message);
  EXPECT_EQ(writer.room_for_data(), 6U);
  const Bytes data(6);
  ASSERT_TRUE(writer.put(Answer{.opcode = Opcode::ReadMemory, .data = data}));
  EXPECT_EQ(writer.room_for_data(), 0U);
}

TEST(DebugEvents, StoppedCarriesWhatAStepNeeds) {
  Stopped stopped;
  stopped.reason = StopReason::Watchpoint;
  stopped.address = 0x2000'0010;
  stopped.fault_status = 0x0200'0000;
  stopped.secure_fault_status = 0x40;
  for (std::size_t i = 0; i < stopped.registers.size(); ++i)
    stopped.registers[i] = 0x1000'0000U + static_cast<std::uint32_t>(i);
  const Bytes stack = hex("11223344"), code = hex("70 47");
  stopped.stack_address = 0x2000'0800;
  stopped.stack = stack;
  stopped.code_address = 0x0800'0200;
  stopped.code = code;
  std::string expected = "c0 03 10000020 00000002 40000000";
  for (int i = 0; i < 58; ++i) {
    const Bytes number = {static_cast<std::uint8_t>(i)};
    expected += to_hex(number) + "000010";
  }
  expected += "00080020 0400 11223344 00020008 0200 7047";
  const Bytes message = written(stopped);
  EXPECT_EQ(to_hex(message), to_hex(hex(expected)));

  Item item;
  ASSERT_EQ(Reader(message).next(item), Reader::Result::Taken);
  ASSERT_EQ(item.kind, ItemKind::Stopped);
  EXPECT_EQ(item.stopped.reason, StopReason::Watchpoint);
  EXPECT_EQ(item.stopped.address, stopped.address);
  EXPECT_EQ(item.stopped.registers, stopped.registers);
  EXPECT_EQ(Bytes(item.stopped.stack.begin(), item.stopped.stack.end()), stack);
  EXPECT_EQ(item.stopped.code_address, stopped.code_address);
  EXPECT_EQ(Bytes(item.stopped.code.begin(), item.stopped.code.end()), code);
}

/// The largest stop leaves room for what is answered in the same message.
TEST(DebugEvents, FitBesideAnswers) {
  const Bytes surroundings(kMaximumSurroundings);
  Stopped stopped;
  stopped.stack = surroundings;
  Bytes message(kMaximumMessage);
  Writer writer(message);
  ASSERT_TRUE(writer.put(stopped));
  EXPECT_GE(writer.room_for_data(), 128U);
}

TEST(DebugEvents, FollowAnswersInOneMessage) {
  const Bytes message = hex("89 00 c1 03 c2 02");
  Reader reader(message);
  Item item;
  ASSERT_EQ(reader.next(item), Reader::Result::Taken);
  EXPECT_EQ(item.kind, ItemKind::Answer);
  EXPECT_EQ(item.answer.opcode, Opcode::Step);
  ASSERT_EQ(reader.next(item), Reader::Result::Taken);
  EXPECT_EQ(item.kind, ItemKind::Restarted);
  EXPECT_EQ(item.wake_reason, 3);
  ASSERT_EQ(reader.next(item), Reader::Result::Taken);
  EXPECT_EQ(item.kind, ItemKind::Ended);
  EXPECT_EQ(item.end_reason, EndReason::Installation);
  EXPECT_EQ(reader.next(item), Reader::Result::End);

  Bytes out(4);
  Writer writer(out);
  EXPECT_TRUE(writer.put_restarted(3) && writer.put_ended(EndReason::Installation));
  EXPECT_EQ(out, hex("c1 03 c2 02"));
}

TEST(DebugEvents, ThatEndEarlyOrAreNoneAreMalformed) {
  Stopped stopped;
  stopped.reason = StopReason::Step;
  const Bytes data = hex("0102");
  stopped.stack = data;
  stopped.code = data;
  const Bytes whole = written(stopped);
  Item item;
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(Reader(ByteView(whole).first(size)).next(item), Reader::Result::Malformed) << size;
  Bytes other = whole;
  other[1] = 0;
  EXPECT_EQ(Reader(other).next(item), Reader::Result::Malformed) << "reason 0";
  other[1] = 8;
  EXPECT_EQ(Reader(other).next(item), Reader::Result::Malformed) << "reason 8";
  EXPECT_EQ(Reader(hex("83 00 0200 01")).next(item), Reader::Result::Malformed);
  EXPECT_EQ(Reader(hex("81 00 01 08 40 04 ea0300")).next(item), Reader::Result::Malformed);
  EXPECT_EQ(Reader(hex("89 08")).next(item), Reader::Result::Malformed) << "status 8";
  EXPECT_EQ(Reader(hex("89")).next(item), Reader::Result::Malformed);
  EXPECT_EQ(Reader(hex("c3")).next(item), Reader::Result::Unknown);
  EXPECT_EQ(Reader(hex("09")).next(item), Reader::Result::Unknown) << "a command";
}

}  // namespace
}  // namespace microvisor::protocol::debug
