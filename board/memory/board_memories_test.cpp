// A board directory exists whole or not at all, belongs to one process, and keeps what the chip had written
// when the process is killed.
#include "board/memory/board_memories.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;
using Kind = BoardError::Kind;

class BoardMemoriesTest : public ::testing::Test {
 protected:
  BoardMemoriesTest() {
    std::string pattern = (fs::temp_directory_path() / "board-memories-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    board_ = root_ / "board";
  }
  ~BoardMemoriesTest() override { fs::remove_all(root_); }

  void create() { ASSERT_TRUE(BoardMemories::create(board_, BoardIdentity::from_seed(7))); }
  [[nodiscard]] BoardError open_error() const {
    auto opened = BoardMemories::open(board_);
    EXPECT_FALSE(opened);
    return opened ? BoardError{} : opened.error();
  }
  /// Runs `body` in a child process that then dies as in a power cut.
  template <typename Body>
  static void in_killed_process(Body body) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      body();
      raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }

  fs::path root_;
  fs::path board_;
};

FlashJob quad_word(std::uint32_t cell, std::uint8_t value) {
  FlashJob job{.operation = FlashOperation::QuadWord, .address = cell, .size = kFlashRowSize, .data = {}};
  std::fill_n(job.data.begin(), kFlashRowSize, value);
  return job;
}

TEST_F(BoardMemoriesTest, NewBoardIsAsDelivered) {
  create();
  auto memories = BoardMemories::open(board_);
  ASSERT_TRUE(memories) << memories.error().message;
  EXPECT_TRUE(std::ranges::all_of(memories->flash().array(), [](std::uint8_t byte) { return byte == 0xFF; }));
  EXPECT_TRUE(memories->flash().options().trustzone());
  EXPECT_EQ(memories->flash().options().rdp(), optr::kRdpLevel0);
  for (unsigned bank : {0U, 1U}) {  // both banks wholly secure (RM0456 7.5.1)
    EXPECT_TRUE(memories->flash().options().secure_pages(bank).contains(0));
    EXPECT_TRUE(memories->flash().options().secure_pages(bank).contains(127));
    EXPECT_FALSE(memories->flash().options().write_protected(bank, 0));
  }
  EXPECT_EQ(memories->nor().read(0x3FF'FFFF), 0xFF);
  EXPECT_EQ(memories->identity().sid, BoardIdentity::from_seed(7).sid);
  EXPECT_EQ(memories->identity().sid.size(), 34U);
}

TEST_F(BoardMemoriesTest, UnusedNorTakesNoDiskSpace) {
  create();
  EXPECT_EQ(fs::file_size(board_ / "nor.bin"), kNorSize);
  struct stat status = {};
  ASSERT_EQ(stat((board_ / "nor.bin").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST_F(BoardMemoriesTest, RefusesWhatIsNoBoard) {
  EXPECT_EQ(open_error().kind, Kind::Missing);
  fs::create_directory(board_);
  EXPECT_EQ(open_error().kind, Kind::Missing);
}

TEST_F(BoardMemoriesTest, CreateTouchesNothingThatExists) {
  fs::create_directory(board_);
  std::ofstream(board_ / "mine") << "text";
  const auto created = BoardMemories::create(board_, BoardIdentity::from_seed(1));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, Kind::Exists);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
  EXPECT_TRUE(fs::exists(board_ / "mine"));
}

TEST_F(BoardMemoriesTest, CreateLeavesNothingWhereItCannotWrite) {
  const auto created = BoardMemories::create(root_ / "no" / "board", BoardIdentity::from_seed(1));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, Kind::System);
  EXPECT_FALSE(fs::exists(root_ / "no"));
}

TEST_F(BoardMemoriesTest, NamesHalfWrittenDirectory) {
  create();
  fs::remove(board_ / "version");
  EXPECT_EQ(open_error().kind, Kind::HalfWritten);
}

TEST_F(BoardMemoriesTest, NamesNewerVersion) {
  create();
  std::ofstream(board_ / "version") << "microvisor board 99\n";
  EXPECT_EQ(open_error().kind, Kind::NewerVersion);
}

TEST_F(BoardMemoriesTest, NamesMissingAndDamagedFiles) {
  create();
  fs::remove(board_ / "otp.bin");
  EXPECT_EQ(open_error().kind, Kind::Missing);
  EXPECT_NE(open_error().message.find("otp.bin"), std::string::npos);
  std::ofstream(board_ / "otp.bin") << "short";
  EXPECT_EQ(open_error().kind, Kind::Corrupt);
}

TEST_F(BoardMemoriesTest, NamesDamagedIdentityAndState) {
  create();
  const auto identity = board_ / "identity.json";
  fs::rename(identity, root_ / "saved");
  std::ofstream(identity) << "{\"uid\": \"xx\"}";
  EXPECT_EQ(open_error().kind, Kind::Corrupt);
  fs::rename(root_ / "saved", identity);
  const std::vector<char> zeros(sizeof(FlashState));
  std::ofstream(board_ / "flash.state", std::ios::binary)
      .write(zeros.data(), static_cast<long>(zeros.size()));
  EXPECT_EQ(open_error().kind, Kind::Corrupt);
}

TEST_F(BoardMemoriesTest, BelongsToOneUserAtATime) {
  create();
  {
    auto first = BoardMemories::open(board_);
    ASSERT_TRUE(first);
    const BoardError refused = open_error();
    EXPECT_EQ(refused.kind, Kind::InUse);
    EXPECT_NE(refused.message.find(std::to_string(getpid())), std::string::npos) << refused.message;
  }
  EXPECT_TRUE(BoardMemories::open(board_));
}

TEST_F(BoardMemoriesTest, KillLeavesWhatWasWrittenAndFreesTheBoard) {
  create();
  in_killed_process([this] {
    auto memories = BoardMemories::open(board_);
    memories->flash().begin(quad_word(0x10'0000, 0x5A));
    memories->flash().complete();
    memories->nor().array().program(123, 0x0F);
    memories->backup_domain()[5] = 9;
  });
  auto memories = BoardMemories::open(board_);
  ASSERT_TRUE(memories) << memories.error().message;
  memories->flash().power_on();
  EXPECT_EQ(memories->flash().array()[0x10'000F], 0x5A);
  EXPECT_EQ(memories->flash().cuts(), 0U);
  EXPECT_EQ(memories->nor().read(123), 0x0F);
  EXPECT_EQ(memories->backup_domain()[5], 9);
}

TEST_F(BoardMemoriesTest, KillDuringProgrammingLeavesATornRow) {
  create();
  in_killed_process([this] { BoardMemories::open(board_)->flash().begin(quad_word(0x2000, 0x00)); });
  auto memories = BoardMemories::open(board_);
  ASSERT_TRUE(memories);
  FlashCells& flash = memories->flash();
  EXPECT_EQ(flash.in_progress().operation,
            FlashOperation::QuadWord);  // the note is there before anybody acts on it
  EXPECT_EQ(flash.in_progress().address, 0x2000U);
  flash.power_on();
  EXPECT_EQ(flash.in_progress().operation, FlashOperation::None);
  EXPECT_EQ(flash.cuts(), 1U);
  EXPECT_EQ(flash.last_cut().address, 0x2000U);
  EXPECT_TRUE(flash.erased(0x1FF0));
  EXPECT_TRUE(flash.erased(0x2010));
}

TEST_F(BoardMemoriesTest, KillDuringEraseLeavesAHalfErasedPage) {
  create();
  in_killed_process([this] {
    auto memories = BoardMemories::open(board_);
    const std::vector<std::uint8_t> zeros(kFlashPageSize, 0);
    memories->flash().load(0x4000, zeros);
    memories->flash().begin(
        {.operation = FlashOperation::PageErase, .address = 0x4000, .size = kFlashPageSize, .data = {}});
  });
  auto memories = BoardMemories::open(board_);
  ASSERT_TRUE(memories);
  FlashCells& flash = memories->flash();
  flash.power_on();
  unsigned erased = 0;
  unsigned bad = 0;
  for (std::uint32_t cell = 0x4000; cell < 0x6000; cell += kFlashRowSize) {
    erased += flash.erased(cell) ? 1 : 0;
    bad += flash.bad(cell) ? 1 : 0;
  }
  EXPECT_GT(erased, 0U);
  EXPECT_LT(erased, 512U);
  EXPECT_GT(bad, 0U);
  EXPECT_LT(bad, 512U);
  EXPECT_TRUE(flash.erased(0x3FF0));
  EXPECT_TRUE(flash.erased(0x6000));
}

}  // namespace
}  // namespace microvisor::board
