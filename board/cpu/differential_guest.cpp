// The guest's runtime, written with the few encodings it needs, so that the test depends on no assembler.
#include "board/cpu/differential_guest.hpp"

#include <cstring>
#include <fstream>

namespace microvisor::board {

// --- Assembler
// -------------------------------------------------------------------------------------------------------

void Assembler::narrow(std::uint32_t opcode) {
  bytes_.push_back(static_cast<std::uint8_t>(opcode));
  bytes_.push_back(static_cast<std::uint8_t>(opcode >> 8));
}

void Assembler::wide(std::uint32_t opcode) {
  narrow(opcode >> 16);
  narrow(opcode & 0xFFFF);
}

void Assembler::emit(std::uint32_t opcode, bool is_wide_opcode) {
  if (is_wide_opcode) {
    wide(opcode);
  } else {
    narrow(opcode);
  }
}

void Assembler::word(std::uint32_t value) {
  narrow(value & 0xFFFF);
  narrow(value >> 16);
}

void Assembler::constant(unsigned destination, std::uint32_t value) {
  const auto half = [&](std::uint32_t opcode, std::uint32_t imm) {
    wide(opcode | (imm >> 12) << 16 | (imm >> 11 & 1) << 26 | (imm >> 8 & 7) << 12 | destination << 8 |
         (imm & 0xFF));
  };
  half(0xF240'0000, value & 0xFFFF);
  half(0xF2C0'0000, value >> 16);
}

void Assembler::branch(std::uint32_t target) {
  const std::uint32_t offset = target - (here() + 4);
  const std::uint32_t sign = offset >> 31;
  const std::uint32_t j1 = (~(offset >> 23) ^ sign) & 1, j2 = (~(offset >> 22) ^ sign) & 1;
  wide(0xF000'9000 | sign << 26 | (offset >> 12 & 0x3FF) << 16 | j1 << 13 | j2 << 11 | (offset >> 1 & 0x7FF));
}

void Assembler::patch_half(std::uint32_t address, std::uint32_t value) {
  bytes_[address - base_] = static_cast<std::uint8_t>(value);
  bytes_[address - base_ + 1] = static_cast<std::uint8_t>(value >> 8);
}

std::uint32_t Assembler::half_at(std::uint32_t address) const {
  return bytes_[address - base_] | static_cast<std::uint32_t>(bytes_[address - base_ + 1]) << 8;
}

void Assembler::skip_to(std::uint32_t address) {
  while (here() < address) narrow(0xBF00);
}

// --- GuestImage
// ------------------------------------------------------------------------------------------------------

namespace {

constexpr unsigned kVectors = 64;
/// Literals may lie 4 KiB before the instruction that loads them.
constexpr std::uint32_t kFirstProgram = GuestImage::kCode + 0x2000;
/// The entry of the program, APSR, FPSCR, S0-S31, R0-R12, LR.
constexpr std::uint32_t kStateWords = 49;
/// Two words: the state of the program at hand, and where its checksum goes.
constexpr std::uint32_t kCursor = GuestImage::kData + 0x200;

}  // namespace

GuestImage::GuestImage(std::uint64_t first, std::uint64_t count, bool listing, std::filesystem::path output)
    : output_(std::move(output)) {
  write_runtime();
  for (std::uint64_t number = 0; number < count; ++number) {
    const bool code_full = code_.bytes().size() + 4096 > kCodeSize;
    const bool table_full = (table_.size() + kStateWords + 1) * 4 > kTableSize;
    if (code_full || table_full || (programs_.size() + 1) * 4 > kChecksumsSize) break;
    add_program(first + number, listing);
  }
  table_.push_back(0);
}

void GuestImage::write_runtime() {
  for (unsigned vector = 0; vector < kVectors; ++vector) code_.word(0);
  pattern_ = code_.here();
  std::mt19937_64 random(7);
  for (unsigned index = 0; index < kScratchWords; ++index) code_.word(static_cast<std::uint32_t>(random()));
  write_finish();
  write_driver();
  write_gathering();
  const std::uint32_t handler = code_.here();
  write_fault_handler();
  const std::uint32_t start = code_.here();
  write_start();
  const auto set_vector = [this](unsigned number, std::uint32_t value) {
    code_.patch_half(kCode + 4 * number, value);
    code_.patch_half(kCode + 4 * number + 2, value >> 16);
  };
  set_vector(0, kStack);
  set_vector(1, start | 1);
  for (unsigned vector = 2; vector < kVectors; ++vector) set_vector(vector, handler | 1);
  code_.skip_to(kFirstProgram);
}

/// The FPU is switched on, the cursor set to the first program.
void GuestImage::write_start() {
  code_.constant(0, 0xE000'ED88);  // CPACR: CP10 and CP11 for all
  code_.constant(1, 0x00F0'0000);
  code_.narrow(0x6001);     // STR R1, [R0]
  code_.wide(0xF3BF'8F6F);  // ISB
  code_.constant(4, kCursor);
  code_.constant(0, kTable);
  code_.narrow(0x6020);  // STR R0, [R4]
  code_.constant(0, kChecksums);
  code_.narrow(0x6060);  // STR R0, [R4, #4]
  code_.branch(driver_);
}

/// Copies words from R2 on to R1 on, eight at a time; R3 and R6 to R12 are used.
void GuestImage::write_copy(unsigned words) {
  for (unsigned done = 0; done < words; done += 8) {
    code_.wide(0xE8B2'1FC8);  // LDMIA R2!, {R3, R6-R12}
    code_.wide(0xE8A1'1FC8);  // STMIA R1!, {R3, R6-R12}
  }
}

/// Begins the program that the cursor stands at.
void GuestImage::write_driver() {
  driver_ = code_.here();
  code_.constant(4, kCursor);
  code_.narrow(0x6825);  // LDR R5, [R4]
  code_.narrow(0x682E);  // LDR R6, [R5]
  code_.narrow(0xB90E);  // CBNZ R6, over the branch
  code_.branch(finish_);
  code_.constant(1, kScratch);
  code_.constant(2, pattern_);
  write_copy(kScratchWords);
  code_.narrow(0x2600);  // MOVS R6, #0
  code_.constant(1, kBlock);
  code_.narrow(0x600E);  // STR R6, [R1]: no fault so far
  code_.constant(0, kStack);
  code_.narrow(0x4685);     // MOV SP, R0
  code_.wide(0xF3BF'8F2F);  // CLREX
  code_.narrow(0x682E);     // LDR R6, [R5]
  code_.narrow(0xB440);     // PUSH {R6}
  code_.narrow(0x68AE);     // LDR R6, [R5, #8]
  code_.wide(0xEEE1'6A10);  // VMSR FPSCR, R6
  code_.wide(0xF105'070C);  // ADD R7, R5, #12
  code_.wide(0xECB7'0A20);  // VLDMIA R7!, {S0-S31}
  code_.narrow(0x686E);     // LDR R6, [R5, #4]
  code_.wide(0xF386'8C00);  // MSR APSR_nzcvqg, R6
  code_.wide(0xF105'0E8C);  // ADD LR, R5, #140
  code_.wide(0xE89E'5FFF);  // LDM LR, {R0-R12, LR}
  code_.narrow(0xBD00);     // POP {PC}
}

/// Where every program ends: gathers its block, makes the checksum, and goes on to the next.
void GuestImage::write_gathering() {
  gathering_ = code_.here();
  code_.wide(0xE92D'5FFF);  // PUSH {R0-R12, LR}
  code_.wide(0xF3EF'8000);  // MRS R0, APSR
  code_.narrow(0xB401);     // PUSH {R0}
  code_.wide(0xEEF1'0A10);  // VMRS R0, FPSCR
  code_.narrow(0xB401);     // PUSH {R0}
  code_.wide(0xED2D'0A20);  // VPUSH {S0-S31}
  code_.narrow(0xA830);     // ADD R0, SP, #192: where SP was
  code_.constant(1, kBlock + 4);
  code_.wide(0xF841'0B04);  // STR R0, [R1], #4
  code_.narrow(0x466A);     // MOV R2, SP
  write_copy(kRegisterWords - 2);
  code_.constant(1, kBlock);
  code_.constant(3, kBlockWords);
  code_.constant(0, 0x811C'9DC5);
  code_.constant(5, 0x9E37'79B1);
  code_.wide(0xF851'2B04);  // LDR R2, [R1], #4
  code_.wide(0xEA82'3070);  // EOR R0, R2, R0, ROR #13
  code_.wide(0xFB00'F005);  // MUL R0, R0, R5
  code_.narrow(0x3B01);     // SUBS R3, #1
  code_.narrow(0xD1F7);     // BNE to the LDR
  code_.constant(4, kCursor);
  code_.narrow(0x6866);                    // LDR R6, [R4, #4]
  code_.wide(0xF846'0B04);                 // STR R0, [R6], #4
  code_.narrow(0x6066);                    // STR R6, [R4, #4]
  code_.narrow(0x6825);                    // LDR R5, [R4]
  code_.narrow(0x3500 | 4 * kStateWords);  // ADDS R5, #196
  code_.narrow(0x6025);                    // STR R5, [R4]
  code_.branch(driver_);
}

/// Notes CFSR and returns to the end of the program.
void GuestImage::write_fault_handler() {
  code_.constant(0, 0xE000'ED28);
  code_.narrow(0x6801);  // LDR R1, [R0]
  code_.narrow(0x6001);  // STR R1, [R0]: write one to clear
  code_.constant(0, kBlock);
  code_.narrow(0x6001);
  code_.constant(0, gathering_);
  code_.narrow(0x9006);  // STR R0, [SP, #24]: the return address
  code_.constant(0, 0x0100'0000);
  code_.narrow(0x9007);  // STR R0, [SP, #28]: xPSR
  code_.narrow(0x4770);  // BX LR
}

/// SYS_OPEN, SYS_WRITE of checksums and block, SYS_EXIT.
void GuestImage::write_finish() {
  const std::string name = output_.string();
  const std::uint32_t name_address = code_.here();
  for (std::size_t index = 0; index <= name.size(); index += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, name.data() + index, std::min<std::size_t>(4, name.size() - index));
    code_.word(word);
  }
  finish_ = code_.here();
  constexpr std::uint32_t kOpenBlock = kData + 0x100, kWriteBlock = kData + 0x110;
  constexpr std::uint32_t kOpen = 1, kWrite = 5, kExit = 0x18, kBinary = 5, kNormalEnd = 0x20026;
  const auto store = [&](std::uint32_t address, std::uint32_t value) {
    code_.constant(2, address);
    code_.constant(3, value);
    code_.narrow(0x6013);  // STR R3, [R2]
  };
  const auto call = [&](std::uint32_t operation, std::uint32_t argument) {
    code_.constant(0, operation);
    code_.constant(1, argument);
    code_.narrow(0xBEAB);
  };
  store(kOpenBlock, name_address);
  store(kOpenBlock + 4, kBinary);
  store(kOpenBlock + 8, static_cast<std::uint32_t>(name.size()));
  call(kOpen, kOpenBlock);
  code_.constant(2, kWriteBlock);
  code_.narrow(0x6010);  // STR R0, [R2]
  store(kWriteBlock + 4, kChecksums);
  code_.constant(4, kCursor);
  code_.narrow(0x6860);  // LDR R0, [R4, #4]
  code_.constant(1, kChecksums);
  code_.narrow(0x1A40);  // SUBS R0, R0, R1
  code_.constant(2, kWriteBlock + 8);
  code_.narrow(0x6010);
  call(kWrite, kWriteBlock);
  store(kWriteBlock + 4, kBlock);
  store(kWriteBlock + 8, 4 * kBlockWords);
  call(kWrite, kWriteBlock);
  call(kExit, kNormalEnd);
}

/// A word of any kind: corner cases are as likely as a quarter.
static std::uint32_t draw_word(std::mt19937_64& random) {
  static constexpr std::array<std::uint32_t, 8> kCorners{0,           1,           0xFFFF'FFFF, 0x8000'0000,
                                                         0x7FFF'FFFF, 0x0000'8000, 0x7FFF'8000, 0x80FF'007F};
  const std::uint64_t drawn = random();
  if ((drawn >> 32) % 4 == 0) return kCorners[(drawn >> 40) % kCorners.size()];
  return static_cast<std::uint32_t>(drawn);
}

/// A float of any kind: zeros, infinities, NaNs, denormals, numbers near 1, and whatever the bits give.
static std::uint32_t draw_float(std::mt19937_64& random) {
  static constexpr std::array<std::uint32_t, 16> kCorners{
      0x0000'0000, 0x8000'0000, 0x3F80'0000, 0xBF80'0000, 0x7F80'0000, 0xFF80'0000, 0x7FC0'1234, 0xFFA0'0001,
      0x0000'0001, 0x807F'FFFF, 0x0080'0000, 0x7F7F'FFFF, 0x4F00'0000, 0xCF00'0000, 0x3F00'0000, 0x4B00'0001};
  const std::uint64_t drawn = random();
  const auto value = static_cast<std::uint32_t>(drawn);
  switch ((drawn >> 32) % 8) {
    case 0:
    case 1: return kCorners[(drawn >> 40) % kCorners.size()];
    case 2:
    case 3: return (value & 0x80FF'FFFF) | 0x3B00'0000 | (value >> 4 & 0x0780'0000);
    case 4: return value & 0x807F'FFFF;  // denormal
    default: return value;
  }
}

static std::uint32_t draw_fpscr(std::mt19937_64& random) {
  std::uint32_t control = static_cast<std::uint32_t>(random()) & 0xF0C0'009F;
  if (random() % 4 == 0) control |= 1u << 24;  // FZ
  if (random() % 4 == 0) control |= 1u << 25;  // DN
  if (random() % 4 == 0) control |= 1u << 26;  // AHP
  if (random() % 2 == 0) control &= ~(3u << 22);
  return control;
}

void GuestImage::add_state(std::mt19937_64& random, std::uint32_t entry) {
  table_.push_back(entry | 1);
  table_.push_back(static_cast<std::uint32_t>(random()) & 0xF80F'0000);
  table_.push_back(draw_fpscr(random));
  for (unsigned number = 0; number < 32; ++number) table_.push_back(draw_float(random));
  for (unsigned number = 0; number < 14; ++number) table_.push_back(draw_word(random));
}

void GuestImage::add_program(std::uint64_t id, bool listing) {
  std::mt19937_64 random(id * 0x9E37'79B9'7F4A'7C15u + 1);
  Program program{.id = id, .listing = {}};
  add_state(random, code_.here());
  ProgramWriter writer(code_, random, listing ? &program.listing : nullptr);
  writer.write(8 + static_cast<unsigned>(random() % 24));
  code_.branch(gathering_);
  writer.write_literals();
  programs_.push_back(std::move(program));
}

void GuestImage::write_elf(const std::filesystem::path& path) const {
  const auto code_size = static_cast<std::uint32_t>(code_.bytes().size());
  const auto table_size = static_cast<std::uint32_t>(4 * table_.size());
  constexpr std::uint32_t kHeaderSize = 52 + 2 * 32;
  const std::array<std::uint32_t, 13 + 2 * 8> header{
      // e_ident, e_type and e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, sizes
      0x464C'457F, 0x0001'0101, 0, 0, 0x0028'0002, 1, kCode + 1, 52, 0, 0x0500'0000, 0x0020'0034, 0x0028'0002,
      0,
      // PT_LOAD twice
      1, kHeaderSize, kCode, kCode, code_size, code_size, 7, 4,  //
      1, kHeaderSize + code_size, kTable, kTable, table_size, table_size, 6, 4};
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(header.data()), sizeof header);
  stream.write(reinterpret_cast<const char*>(code_.bytes().data()), code_size);
  stream.write(reinterpret_cast<const char*>(table_.data()), table_size);
}

std::string GuestImage::block_name(std::size_t word) {
  if (word == 0) return "CFSR";
  if (word == 1) return "SP";
  if (word < 34) return "S" + std::to_string(word - 2);
  if (word == 34) return "FPSCR";
  if (word == 35) return "APSR";
  if (word < 49) return "R" + std::to_string(word - 36);
  if (word == 49) return "LR";
  return "memory+" + std::to_string((word - kRegisterWords) * 4);
}

}  // namespace microvisor::board
