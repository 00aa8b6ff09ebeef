// A program whose outcome is known without running it: whatever machine and compiler this is built with and
// for, instructions, time, registers and memory come out the same.
//
// The expectations follow from the program's meaning: Fibonacci numbers, 2^(1/2) and 1/3 rounded to nearest
// as IEEE 754 binary32, a 64-bit product. The SHA-256 is of the 26 words it writes, little-endian, as any
// other tool computes it, for example
//   python3 -c "import struct,hashlib
//   f=[1,1]; [f.append(f[-1]+f[-2]) for _ in range(22)]
//   print(hashlib.sha256(struct.pack('<26I',*f,0x3FB504F3,0x3EAAAAAB)).hexdigest())"
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <array>
#include <vector>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kFlash = 0x0C00'0000, kSram = 0x3000'0000;
constexpr std::uint32_t kCode = 0x80;  // offset in flash, behind the vectors that are looked at

// Encodings from DDI0553.
constexpr std::uint16_t kProgram[] = {
    0x2001,          // MOVS R0, #1
    0x2101,          // MOVS R1, #1
    0xF04F, 0x5240,  // MOV.W R2, #0x30000000
    0x2318,          // MOVS R3, #24
    0xC201,          // next: STM R2!, {R0}
    0x1844,          // ADDS R4, R0, R1
    0x4608,          // MOV R0, R1
    0x4621,          // MOV R1, R4
    0x3B01,          // SUBS R3, #1
    0xD1F9,          // BNE next
    0xF64E, 0x5588,  // MOVW R5, #0xED88
    0xF2CE, 0x0500,  // MOVT R5, #0xE000: CPACR
    0xF44F, 0x0670,  // MOV.W R6, #0x00F00000: CP10 and CP11
    0x602E,          // STR R6, [R5]
    0xF3BF, 0x8F6F,  // ISB
    0xEEB0, 0x0A00,  // VMOV.F32 S0, #2.0
    0xEEF1, 0x0AC0,  // VSQRT.F32 S1, S0
    0xEEB7, 0x1A00,  // VMOV.F32 S2, #1.0
    0xEEF0, 0x1A08,  // VMOV.F32 S3, #3.0
    0xEE81, 0x2A21,  // VDIV.F32 S4, S2, S3
    0xEE10, 0x7A90,  // VMOV R7, S1
    0xEE12, 0x8A10,  // VMOV R8, S4
    0xC280,          // STM R2!, {R7}
    0xF8C2, 0x8000,  // STR.W R8, [R2]
    0xFBA0, 0x9A01,  // UMULL R9, R10, R0, R1
    0xE7FE,          // B .
};
constexpr std::uint64_t kBeforeLoop = 4, kInLoop = 6, kRounds = 24, kAfterLoop = 15;
constexpr std::uint64_t kInstructions = kBeforeLoop + kInLoop * kRounds + kAfterLoop;  // up to B .
constexpr std::uint32_t kEnd = kFlash + kCode + sizeof kProgram - 2;

constexpr std::uint32_t kSquareRootOf2 = 0x3FB5'04F3, kThird = 0x3EAA'AAAB;
constexpr const char* kSha256 = "d658248f2fe9cf8834cc5a4f87025d8cc2bc521a38ff1b66a6f4011cb2fadcbd";

LoadedImage image() {
  std::vector<std::uint8_t> bytes(kCode);
  const auto put = [&](std::size_t at, std::uint32_t value, std::size_t size) {
    for (std::size_t index = 0; index < size; ++index) {
      bytes[at + index] = static_cast<std::uint8_t>(value >> 8 * index);
    }
  };
  put(0, kSram + 0x1'0000, 4);
  put(4, (kFlash + kCode) | 1, 4);
  for (const std::uint16_t half : kProgram) {
    bytes.resize(bytes.size() + 2);
    put(bytes.size() - 2, half, 2);
  }
  return {.segments = {{.address = kFlash, .bytes = bytes}}};
}

std::unique_ptr<Board> boot() {
  auto board = Board::create(*BoardMemories::in_memory(BoardIdentity::from_seed(1)));
  EXPECT_TRUE((*board)->boot_image(image()));
  return std::move(*board);
}

void expect_end(Board& board) {
  const CoreState& state = board.core().state;
  const std::array<std::uint32_t, 15> registers{75'025,          // F(25)
                                                121'393,         // F(26)
                                                kSram + 4 * 25,  // behind the word of R7
                                                0,
                                                121'393,
                                                0xE000'ED88,
                                                0x00F0'0000,
                                                kSquareRootOf2,
                                                kThird,
                                                0x1ED9'9241,  // 75,025 * 121,393 = 0x2'1ED9'9241
                                                2,
                                                0,
                                                0,
                                                kSram + 0x1'0000,
                                                0xFFFF'FFFF};
  for (std::size_t index = 0; index < registers.size(); ++index) {
    EXPECT_EQ(state.r[index], registers[index]) << "R" << index;
  }
  EXPECT_EQ(state.r[15], kEnd);
  // As SUBS left them: 0, no borrow.
  EXPECT_FALSE(state.n);
  EXPECT_TRUE(state.z);
  EXPECT_TRUE(state.c);
  EXPECT_FALSE(state.v);

  const auto snapshot = *board.snapshot();
  const MemoryImage& memories = snapshot->contents().memories;
  ASSERT_EQ(memories.pages(Region::Sram), std::vector<std::uint32_t>{0}) << "nothing else has been written";
  const auto page = memories.page(Region::Sram, 0);
  Snapshot::Hash hash{};
  SHA256(page.data(), 26 * 4, hash.data());
  EXPECT_EQ(to_string(hash), kSha256);
  EXPECT_TRUE(std::all_of(page.begin() + 26 * 4, page.end(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Reference, IsTheSameOnAnyMachine) {
  const auto board = boot();
  EXPECT_EQ(board->run({.instructions = kInstructions - 1}), RunEnd::Limit);
  EXPECT_EQ(board->core().state.r[15], kEnd - 4) << "UMULL is still to come";
  EXPECT_EQ(board->run({.instructions = 1}), RunEnd::Limit);
  EXPECT_EQ(board->core().retired, kInstructions);
  // One cycle of 4 MHz each: MSIS is the clock after reset (RM0456 RCC_ICSCR1.MSISRANGE).
  EXPECT_EQ(board->scheduler().now() * 4, kInstructions * kTicksPerMicrosecond);
  expect_end(*board);
}

TEST(Reference, IsTheSameThroughSnapshotsAtEveryInstruction) {
  auto board = boot();
  for (std::uint64_t done = 0; done < kInstructions; ++done) {
    board = *Board::resume(**board->snapshot());
    ASSERT_EQ(board->core().retired, done);
    ASSERT_EQ(board->run({.instructions = 1}), RunEnd::Limit);
  }
  expect_end(*board);
}

}  // namespace
}  // namespace microvisor::board
