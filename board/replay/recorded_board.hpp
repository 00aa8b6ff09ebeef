// Boards with a bare guest program, recorded: for tests. The network brings what the test says.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "board/modem/at_modem.hpp"
#include "board/replay/recorder.hpp"
#include "board/replay/replay.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board::testing {

/// A network of which the test is the far end.
class HandNetwork final : public Network {
 public:
  void send(std::span<const std::uint8_t>) override {}
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds) override { return false; }
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override {}
  void bring(std::span<const std::uint8_t> packet) { receiver_(packet); }

 private:
  Receiver receiver_;
};

/// A path of its own, gone with it.
class ScratchFile {
 public:
  ScratchFile() {
    char name[] = "/tmp/recording-XXXXXX";
    const int descriptor = mkstemp(name);
    EXPECT_GE(descriptor, 0);
    if (descriptor >= 0) ::close(descriptor);
    path_ = name;
  }
  ~ScratchFile() { std::filesystem::remove(path_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::vector<std::uint8_t> bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

/// A guest with a modem on an inlet.
struct LiveBoard {
  explicit LiveBoard(const std::string& program)
      : machine(program),
        board(*machine.board),
        inlet(board.scheduler(), network),
        modem(board.scheduler(), inlet) {
    inlet.on_reset_pin([this] { board.reset_pin(); });
    modem.attach(*board.serial(0x4600'2400));
    board.set_host(&inlet);
    board.include(kModemPart, [this](Archive& archive) { modem.serialise(archive); });
  }
  [[nodiscard]] std::string hash() { return to_string((*board.snapshot())->hash()); }

  Machine machine;
  Board& board;
  HandNetwork network;
  LiveInlet inlet;
  AtModem modem;
};

/// A recording in memory.
struct Recorded {
  explicit Recorded(std::vector<std::uint8_t> file) : bytes(std::move(file)) {
    auto parsed = parse_recording(bytes, "it");
    EXPECT_TRUE(parsed) << parsed.error().message;
    recording = std::move(*parsed);
    beginning = *Snapshot::parse(recording.snapshot, "it");
  }
  std::vector<std::uint8_t> bytes;
  Recording recording;
  std::shared_ptr<const Snapshot> beginning;
};

/// `program` from its reset for so many instructions, with `meanwhile` in the middle.
inline Recorded record(const std::string& program, std::uint64_t instructions,
                       const std::function<void(LiveBoard&)>& meanwhile = {}) {
  const ScratchFile file;
  LiveBoard live(program);
  auto recorder = Recorder::begin(file.path(), live.board, live.inlet);
  EXPECT_TRUE(recorder) << recorder.error().message;
  EXPECT_EQ(live.board.run({.instructions = instructions / 2}), RunEnd::Limit);
  if (meanwhile) meanwhile(live);
  EXPECT_EQ(live.board.run({.instructions = instructions - instructions / 2}), RunEnd::Limit);
  EXPECT_TRUE((*recorder)->end(RunEnd::Limit));
  return Recorded(file.bytes());
}

}  // namespace microvisor::board::testing
