// The file of a recording: what is written is read, a cut leaves what was whole, a changed byte is noticed.
#include "board/replay/recording.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "board/replay/recorded_board.hpp"

namespace microvisor::board {
namespace {

using testing::LiveBoard;
using testing::ScratchFile;

FileBytes file_of(std::initializer_list<FileBytes> parts) {
  FileBytes file = recording_header(5);
  file.insert(file.end(), {'s', 't', 'a', 't', 'e'});
  for (const FileBytes& part : parts) file.insert(file.end(), part.begin(), part.end());
  return file;
}

FileBytes mark(Time time, std::uint64_t instructions) {
  FileBytes contents;
  append_number(contents, instructions, 8);
  return recording_entry(EntryKind::Mark, time, contents);
}

FileBytes end(Time time, std::uint64_t instructions) {
  FileBytes contents;
  append_number(contents, instructions, 8);
  contents.resize(40, 0xAB);
  return recording_entry(EntryKind::End, time, contents);
}

const FileBytes kPacket{1, 2, 3};

FileBytes whole_file() {
  return file_of({mark(0, 0), recording_entry(EntryKind::Packet, 10, kPacket), mark(20, 7),
                  recording_entry(EntryKind::ResetPin, 20, {}), end(30, 9)});
}

TEST(RecordingFile, SaysWhatWasWritten) {
  const FileBytes file = whole_file();
  const auto recording = parse_recording(file, "it");
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(std::string(recording->snapshot.begin(), recording->snapshot.end()), "state");
  ASSERT_EQ(recording->inputs.size(), 2u);
  EXPECT_EQ(recording->inputs[0].due, 10u);
  EXPECT_EQ(recording->inputs[0].bytes, kPacket);
  EXPECT_EQ(recording->inputs[1].kind, Input::Kind::ResetPin);
  EXPECT_EQ(recording->marks, (std::vector<Mark>{{0, 0}, {20, 7}, {30, 9}}));
  EXPECT_EQ(recording->end(), (Mark{30, 9}));
  ASSERT_TRUE(recording->hash);
  EXPECT_EQ((*recording->hash)[31], 0xAB);
  EXPECT_FALSE(recording->cut_off());
}

TEST(RecordingFile, CutAnywhereItIsGoodUpToItsLastWholeEntry) {
  const FileBytes file = whole_file();
  const std::size_t first = file_of({mark(0, 0)}).size();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto recording = parse_recording(std::span(file).first(size), "it");
    ASSERT_EQ(recording.has_value(), size >= first) << size;
    if (!recording) continue;
    EXPECT_TRUE(recording->cut_off()) << size;
    EXPECT_LE(recording->inputs.size(), 2u);
  }
}

TEST(RecordingFile, EveryChangedByteBehindTheSnapshotIsNoticed) {
  const FileBytes file = whole_file();
  for (std::size_t at = 0; at < file.size(); ++at) {
    if (at >= 24 && at < 29) continue;  // the snapshot has its own checksum
    for (const std::uint8_t change : {0x01, 0x10, 0x80, 0xFF}) {
      FileBytes changed = file;
      changed[at] ^= change;
      const auto recording = parse_recording(changed, "it");
      ASSERT_FALSE(recording) << at;
      EXPECT_EQ(std::ranges::count(recording.error().message, '\n'), 0);
    }
  }
}

TEST(RecordingFile, WhatCannotBeIsDamaged) {
  FileBytes number(8);
  FileBytes large(kMaximumPacket + 1);
  const FileBytes cannot_be[] = {
      file_of({mark(10, 5), mark(9, 6)}),
      file_of({mark(10, 5), mark(11, 4)}),
      file_of({mark(0, 0), end(1, 1), mark(2, 2)}),
      file_of({mark(0, 0), recording_entry(EntryKind::ResetPin, 1, number)}),
      file_of({mark(0, 0), recording_entry(EntryKind::End, 1, number)}),
      file_of({mark(0, 0), recording_entry(static_cast<EntryKind>(9), 1, number)}),
      file_of({mark(0, 0), recording_entry(EntryKind::Packet, 1, large)}),
      file_of({mark(0, 0), recording_entry(EntryKind::Mark, kNever, number)}),
  };
  for (const FileBytes& file : cannot_be) {
    const auto recording = parse_recording(file, "it");
    ASSERT_FALSE(recording);
    EXPECT_EQ(recording.error().kind, BoardError::Kind::Corrupt);
  }
  FileBytes newer = whole_file();
  newer[8] = 2;
  EXPECT_EQ(parse_recording(newer, "it").error().kind, BoardError::Kind::NewerVersion);
}

TEST(Recording, ChangesNothing) {
  LiveBoard plain("sleep");
  ASSERT_EQ(plain.board.run({.instructions = 300}), RunEnd::Limit);
  const ScratchFile file;
  LiveBoard recorded("sleep");
  auto recorder = Recorder::begin(file.path(), recorded.board, recorded.inlet);
  ASSERT_TRUE(recorder);
  ASSERT_EQ(recorded.board.run({.instructions = 300}), RunEnd::Limit);
  EXPECT_EQ(recorded.hash(), plain.hash());
  EXPECT_TRUE((*recorder)->end(RunEnd::Limit));
  EXPECT_EQ(recorded.hash(), plain.hash());
}

TEST(Recording, ReplaysToTheSameState) {
  const auto meanwhile = [](LiveBoard& live) {
    live.network.bring(kPacket);
    live.inlet.pull_reset_pin();
  };
  const auto recorded = testing::record("sleep", 500, meanwhile);
  EXPECT_EQ(recorded.recording.inputs.size(), 2u);
  const auto replayed = replay(recorded.recording, *recorded.beginning);
  EXPECT_TRUE(replayed) << replayed.error().message;
  EXPECT_NE(recorded.recording.hash, testing::record("sleep", 500).recording.hash);
}

TEST(Recording, StoppedAnywhereItEndsWhereAReplayEnds) {
  for (const std::uint64_t instructions : {1, 2, 17, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110}) {
    const ScratchFile file;
    LiveBoard live("sleep");
    auto recorder = Recorder::begin(file.path(), live.board, live.inlet);
    ASSERT_TRUE(recorder);
    live.board.run({.instructions = instructions});
    live.board.stop();
    ASSERT_EQ(live.board.run(), RunEnd::Stopped);
    ASSERT_TRUE((*recorder)->end(RunEnd::Stopped));
    const testing::Recorded recorded(file.bytes());
    const auto replayed = replay(recorded.recording, *recorded.beginning);
    EXPECT_TRUE(replayed) << instructions << ": " << replayed.error().message;
  }
}

TEST(Recording, AnInputLeftOutMovedOrAddedIsADifference) {
  const auto recorded = testing::record("sleep", 500, [](LiveBoard& live) { live.inlet.pull_reset_pin(); });
  Recording without = recorded.recording;
  without.inputs.clear();
  EXPECT_FALSE(replay(without, *recorded.beginning));
  Recording moved = recorded.recording;
  moved.inputs[0].due -= 50'000;
  EXPECT_FALSE(replay(moved, *recorded.beginning));
  Recording added = recorded.recording;
  added.inputs.push_back({.due = added.end().time - 1000, .kind = Input::Kind::ResetPin, .bytes = {}});
  const auto replayed = replay(added, *recorded.beginning);
  ASSERT_FALSE(replayed);
  EXPECT_TRUE(replayed.error().message.starts_with("the replay differs from its recording: "));
}

}  // namespace
}  // namespace microvisor::board
