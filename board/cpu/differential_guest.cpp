// See the header. The runtime of the guest is written with the few encodings it needs, so that the test
// depends on no assembler.
#include "board/cpu/differential_guest.hpp"

#include <array>
#include <cstring>
#include <fstream>

#include "board/cpu/decode_cache.hpp"

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

void Assembler::align() {
  if (here() % 4 != 0) narrow(0xBF00);
}

void Assembler::constant(unsigned destination, std::uint32_t value) {
  const auto half = [&](std::uint32_t opcode, std::uint32_t imm) {
    wide(opcode | (imm >> 12) << 16 | (imm >> 11 & 1) << 26 | (imm >> 8 & 7) << 12 | destination << 8 |
         (imm & 0xFF));
  };
  half(0xF240'0000, value & 0xFFFF);
  half(0xF2C0'0000, value >> 16);
}

void Assembler::branch_link(std::uint32_t target) {
  const std::uint32_t offset = target - (here() + 4);
  const std::uint32_t sign = offset >> 31;
  const std::uint32_t j1 = (~(offset >> 23) ^ sign) & 1, j2 = (~(offset >> 22) ^ sign) & 1;
  wide(0xF000'D000 | sign << 26 | (offset >> 12 & 0x3FF) << 16 | j1 << 13 | j2 << 11 | (offset >> 1 & 0x7FF));
}

void Assembler::patch_half(std::uint32_t address, std::uint32_t value) {
  bytes_[address - base_] = static_cast<std::uint8_t>(value);
  bytes_[address - base_ + 1] = static_cast<std::uint8_t>(value >> 8);
}

// --- ProgramWriter
// -----------------------------------------------------------------------------------------------------

namespace {

bool has(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }

/// Rows that leave straight-line code, change SP, or are drawn elsewhere.
bool is_control(std::string_view name) {
  static constexpr std::array kNames{"BX ",
                                     "BXNS",
                                     "BLX",
                                     "CBZ",
                                     "CBNZ",
                                     "CPS",
                                     "BKPT",
                                     "IT T1",
                                     "Hint",
                                     "WFE",
                                     "WFI",
                                     "SEV",
                                     "UDF",
                                     "SVC",
                                     "B T1",
                                     "B T2",
                                     "ADD (SP plus immediate) T2",
                                     "SUB (SP"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view part) { return name.starts_with(part); });
}

bool is_narrow_memory(std::string_view name) {
  static constexpr std::array kNames{"LDR", "STR", "PUSH", "POP", "STM", "LDM"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view part) { return name.starts_with(part); });
}

bool is_float_memory(std::string_view name) {
  return name.starts_with("VLD") || name.starts_with("VST") || name.starts_with("VLL") ||
         name.starts_with("VLST");
}

bool is_multiple(std::string_view name) {
  if (name.starts_with("V")) name.remove_prefix(1);
  return name.starts_with("LDM") || name.starts_with("STM");
}

/// Natural alignment is demanded.
bool is_aligned(std::string_view name) {
  return is_multiple(name) || name.starts_with("V") || has(name, "LDRD") || has(name, "STRD") ||
         has(name, "EX") || name.starts_with("LDA") || name.starts_with("STL");
}

std::vector<const Encoding*> select(bool memory) {
  std::vector<const Encoding*> rows;
  for (const Encoding& row : narrow_encodings()) {
    if (!is_control(row.name) && is_narrow_memory(row.name) == memory) rows.push_back(&row);
  }
  const auto add = [&](std::span<const Encoding> group) {
    for (const Encoding& row : group) rows.push_back(&row);
  };
  for (const Encoding& row : floating_point_encodings()) {
    // The lazy context of calls between the worlds needs a world to call.
    const bool lazy = row.name.starts_with("VLSTM") || row.name.starts_with("VLLDM");
    if (!lazy && is_float_memory(row.name) == memory) rows.push_back(&row);
  }
  if (memory) {
    add(memory_encodings());
  } else {
    add(data_encodings());
    add(dsp_encodings());
  }
  return rows;
}

/// What the record of a row says, if its opcode is a legal instruction of that row.
bool translate(const Encoding& row, std::uint32_t opcode, std::uint8_t it_state, Record& record) {
  record = Record{};
  record.length = row.wide ? 2 : 1;
  return find_encoding(opcode, row.wide) == &row && !(row.wide && !is_wide(opcode >> 16)) &&
         row.translate(opcode, {.slot = Place::kNoPage, .it_state = it_state}, record);
}

}  // namespace

std::uint32_t ProgramWriter::below(std::uint32_t limit) {
  return static_cast<std::uint32_t>(random_() % limit);
}

ProgramWriter::Drawn ProgramWriter::draw_data(std::uint8_t it_state) {
  static const auto kRows = select(false);
  for (;;) {
    const Encoding& row = *kRows[below(static_cast<std::uint32_t>(kRows.size()))];
    for (int attempt = 0; attempt < 50; ++attempt) {
      const std::uint32_t opcode =
          (static_cast<std::uint32_t>(random_()) & ~row.mask & (row.wide ? ~0u : 0xFFFFu)) | row.value;
      Drawn drawn{&row, opcode, {}};
      if (!translate(row, opcode, it_state, drawn.record)) continue;
      const bool is_float = row.name.starts_with("V");
      if (is_float || (drawn.record.d != 13 && drawn.record.d != 15)) return drawn;
    }
  }
}

ProgramWriter::Drawn ProgramWriter::draw_memory(std::uint8_t it_state) {
  static const auto kRows = select(true);
  for (;;) {
    const Encoding& row = *kRows[below(static_cast<std::uint32_t>(kRows.size()))];
    for (int attempt = 0; attempt < 50; ++attempt) {
      const std::uint32_t opcode =
          (static_cast<std::uint32_t>(random_()) & ~row.mask & (row.wide ? ~0u : 0xFFFFu)) | row.value;
      Drawn drawn{&row, opcode, {}};
      if (translate(row, opcode, it_state, drawn.record) && memory_allowed(drawn)) return drawn;
    }
  }
}

/// Registers that keep the program alive and the result defined.
bool ProgramWriter::memory_allowed(const Drawn& drawn) const {
  const Record& record = drawn.record;
  const std::string_view name = drawn.row->name;
  if (name.starts_with("PL")) return true;
  if (name.starts_with("V")) return record.n < 13;
  if (has(name, "literal")) return record.d < 13 && (!has(name, "LDRD") || record.s < 13);
  if (name.starts_with("PUSH")) return true;
  if (name.starts_with("POP")) return (record.imm & 0x8000) == 0;
  if (!drawn.row->wide && record.n == 13) return record.d < 13;
  if (record.n >= 13) return false;
  if (is_multiple(name)) {
    const bool base_listed = (record.imm >> record.n & 1) != 0;
    const bool base_lowest = (record.imm & ((1u << record.n) - 1)) == 0;
    if (name.starts_with("STM T1") && base_listed && !base_lowest) return false;
    return (record.imm & 0x8000) == 0;
  }
  if (has(name, "(register)") && record.m == record.n) return false;
  return record.d != 13 && record.d != 15;
}

/// Gives the base register (and the index) a value with which the access hits the scratch memory.
void ProgramWriter::prepare_base(const Drawn& drawn) {
  const Record& record = drawn.record;
  const std::string_view name = drawn.row->name;
  if (record.n >= 13 || name.starts_with("PL") || name.starts_with("PUSH") || name.starts_with("POP")) return;
  if (has(name, "literal")) return;
  std::uint32_t target = GuestImage::kScratch + 64 + below(64);
  if (is_aligned(name)) target &= ~3u;
  std::uint32_t base = target - record.imm;
  if (is_multiple(name)) base = has(name, "DB") ? target + 4u * record.s : target;
  if (has(name, "post-indexed")) base = target;
  if (has(name, "(register)")) {
    const std::uint32_t index = below(256) - 128;
    code_.constant(record.m, index);
    base = target - (index << record.s);
  }
  code_.constant(record.n, base);
  if (name.starts_with("STREX") || name.starts_with("STLEX")) prepare_monitor(drawn);
}

/// Sets the monitor with the matching load in half the cases, and clears it in the others.
void ProgramWriter::prepare_monitor(const Drawn& drawn) {
  const std::uint32_t base = static_cast<std::uint32_t>(drawn.record.n) << 16;
  if (below(2) == 0) {
    code_.wide(0xF3BF'8F2F);  // CLREX
  } else if (has(drawn.row->name, "XB")) {
    code_.wide(0xE8D0'0F4F | base | 12u << 12);  // LDREXB R12, [Rn]
  } else if (has(drawn.row->name, "XH")) {
    code_.wide(0xE8D0'0F5F | base | 12u << 12);
  } else {
    code_.wide(0xE850'0F00 | base | 12u << 12 | drawn.record.imm / 4);
  }
}

void ProgramWriter::emit(const Drawn& drawn) {
  std::array<char, 96> line{};
  std::snprintf(line.data(), line.size(), "  %08x  %0*x  %.*s\n", code_.here(), drawn.row->wide ? 8 : 4,
                drawn.opcode, static_cast<int>(drawn.row->name.size()), drawn.row->name.data());
  listing_ += line.data();
  code_.emit(drawn.opcode, drawn.row->wide);
}

void ProgramWriter::write_memory() {
  Drawn drawn = draw_memory(0);
  // LDREX into R12 must not destroy the base.
  while (has(drawn.row->name, "EX") && (drawn.record.n == 12 || drawn.record.s == 12)) drawn = draw_memory(0);
  prepare_base(drawn);
  emit(drawn);
}

/// IT with one to four instructions, the first of which may be an access.
void ProgramWriter::write_it_block() {
  const std::uint32_t condition = below(15);
  const std::uint32_t count = 1 + below(condition == 14 ? 1 : 4);
  std::uint32_t mask = 1u << (4 - count);
  if (count > 1) mask |= below(1u << (count - 1)) << (5 - count);
  auto state = static_cast<std::uint8_t>(condition << 4 | mask);
  const bool access = below(3) == 0;
  Drawn first = access ? draw_memory(state) : draw_data(state);
  while (access && has(first.row->name, "EX")) first = draw_memory(state);
  if (access) prepare_base(first);
  code_.narrow(0xBF00 | state);
  listing_ += "  IT " + std::to_string(condition) + ", mask " + std::to_string(mask) + "\n";
  for (std::uint32_t index = 0; index < count; ++index, state = advance_it(state)) {
    emit(index == 0 ? first : draw_data(state));
  }
}

/// A conditional branch over up to three instructions.
void ProgramWriter::write_branch_over() {
  const std::uint32_t at = code_.here();
  const std::uint32_t kind = below(3);
  code_.emit(0, kind == 2);
  for (std::uint32_t count = below(4); count > 0; --count) emit(draw_data(0));
  const std::uint32_t distance = (code_.here() - at - 4) / 2 & 0x7FF;
  listing_ += "  branch to here\n";
  if (kind == 0 && code_.here() >= at + 4) {
    code_.patch_half(at, 0xB100 | below(2) << 11 | (distance & 31) << 3 | below(8));  // CBZ, CBNZ
  } else if (kind == 2) {
    code_.patch_half(at, 0xF000 | below(14) << 6);
    code_.patch_half(at + 2, 0x8000 | distance);
  } else {
    code_.patch_half(at, 0xD000 | below(14) << 8 | (distance & 0xFF));
  }
}

void ProgramWriter::write(unsigned instructions) {
  for (unsigned index = 0; index < instructions; ++index) {
    switch (below(10)) {
      case 0: write_it_block(); break;
      case 1:
      case 2: write_memory(); break;
      case 3: write_branch_over(); break;
      default: emit(draw_data(0)); break;
    }
  }
}

// --- GuestImage
// ------------------------------------------------------------------------------------------------------

GuestImage::GuestImage(std::uint64_t seed, std::uint64_t count, std::filesystem::path output)
    : output_(std::move(output)) {
  write_runtime();
  for (std::uint64_t number = 0; number < count; ++number) {
    // Room for one more program and the end.
    if (code_.bytes().size() + 4096 > kCodeSize || (programs_.size() + 1) * kLogWords * 4 > kLogSize) break;
    write_program(seed + number);
  }
  write_finish();
}

/// Vectors, the pattern of the scratch memory, and a routine that copies R3 words from R2 to R1.
void GuestImage::write_runtime() {
  const std::uint32_t pattern_words = kScratchWords;
  code_.word(kStack);
  // The programs begin 8 KiB on: literals may lie 4 KiB before the instruction.
  const std::uint32_t entry = kCode + 0x2000;
  for (unsigned vector = 1; vector < 64; ++vector) code_.word(entry | 1);
  pattern_ = code_.here();
  std::mt19937_64 random(7);
  for (unsigned index = 0; index < pattern_words; ++index) code_.word(static_cast<std::uint32_t>(random()));
  copy_routine_ = code_.here();
  code_.wide(0xF852'0B04);  // LDR R0, [R2], #4
  code_.wide(0xF841'0B04);  // STR R0, [R1], #4
  code_.narrow(0x3B01);     // SUBS R3, #1
  code_.narrow(0xD1F9);     // BNE copy
  code_.narrow(0x4770);     // BX LR
  while (code_.here() < entry) code_.narrow(0xBF00);
  code_.constant(0, 0xE000'ED88);  // CPACR: CP10 and CP11 for all
  code_.constant(1, 0x00F0'0000);
  code_.narrow(0x6001);     // STR R1, [R0]
  code_.wide(0xF3BF'8F6F);  // ISB
  write_reset_of_scratch();
}

void GuestImage::write_reset_of_scratch() {
  code_.constant(1, kScratch);
  code_.constant(2, pattern_);
  code_.constant(3, kScratchWords);
  code_.branch_link(copy_routine_);
  code_.constant(0, kStack);
  code_.narrow(0x4685);  // MOV SP, R0
}

/// S0-S31 and FPSCR: every class of number is likely.
void GuestImage::write_float_registers(std::mt19937_64& random) {
  static constexpr std::array<std::uint32_t, 16> kCorners{
      0x0000'0000, 0x8000'0000, 0x3F80'0000, 0xBF80'0000, 0x7F80'0000, 0xFF80'0000, 0x7FC0'1234, 0xFFA0'0001,
      0x0000'0001, 0x807F'FFFF, 0x0080'0000, 0x7F7F'FFFF, 0x4F00'0000, 0xCF00'0000, 0x3F00'0000, 0x4B00'0001};
  for (unsigned number = 0; number < 32; ++number) {
    auto value = static_cast<std::uint32_t>(random());
    const auto kind = random() % 4;
    if (kind == 0) value = kCorners[random() % kCorners.size()];
    if (kind == 1) value = (value & 0x80FF'FFFF) | 0x3B00'0000 | (value >> 4 & 0x0780'0000);  // near 1
    code_.constant(0, value);
    code_.wide(0xEE00'0A10 | number >> 1 << 16 | (number & 1) << 7);  // VMOV Sn, R0
  }
  std::uint32_t control = static_cast<std::uint32_t>(random()) & 0xF0C0'009F;
  if (random() % 4 == 0) control |= 1u << 24;  // FZ
  if (random() % 4 == 0) control |= 1u << 25;  // DN
  if (random() % 4 == 0) control |= 1u << 26;  // AHP
  if (random() % 2 == 0) control &= ~(3u << 22);
  code_.constant(0, control);
  code_.wide(0xEEE1'0A10);  // VMSR FPSCR, R0
}

void GuestImage::write_prologue(std::mt19937_64& random) {
  static constexpr std::array<std::uint32_t, 8> kCorners{0,           1,           0xFFFF'FFFF, 0x8000'0000,
                                                         0x7FFF'FFFF, 0x0000'8000, 0x7FFF'8000, 0x80FF'007F};
  write_float_registers(random);
  code_.constant(0, static_cast<std::uint32_t>(random()) & 0xF80F'0000);
  code_.wide(0xF380'8C00);  // MSR APSR_nzcvqg, R0
  for (const unsigned number : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u, 14u}) {
    const bool corner = random() % 4 == 0;
    code_.constant(number,
                   corner ? kCorners[random() % kCorners.size()] : static_cast<std::uint32_t>(random()));
  }
}

void GuestImage::write_epilogue() {
  code_.wide(0xE92D'5FFF);  // PUSH {R0-R12, LR}
  code_.wide(0xF3EF'8000);  // MRS R0, APSR
  code_.narrow(0xB401);     // PUSH {R0}
  code_.narrow(0x466A);     // MOV R2, SP
  code_.constant(1, kLog + static_cast<std::uint32_t>(programs_.size() * kLogWords * 4));
  code_.constant(3, kCoreWords);
  code_.branch_link(copy_routine_);
  code_.wide(0xEEF1'0A10);  // VMRS R0, FPSCR
  code_.narrow(0xB401);     // PUSH {R0}
  code_.wide(0xED2D'0A20);  // VPUSH {S0-S31}
  code_.narrow(0x466A);     // MOV R2, SP
  code_.constant(3, kFloatWords);
  code_.branch_link(copy_routine_);
  code_.constant(2, kScratch);
  code_.constant(3, kScratchWords);
  code_.branch_link(copy_routine_);
  write_reset_of_scratch();
}

void GuestImage::write_program(std::uint64_t id) {
  std::mt19937_64 random(id * 0x9E37'79B9'7F4A'7C15u + 1);
  Program program{.id = id, .listing = {}};
  write_prologue(random);
  ProgramWriter(code_, random, program.listing).write(8 + static_cast<unsigned>(random() % 24));
  write_epilogue();
  programs_.push_back(std::move(program));
}

/// SYS_OPEN, SYS_WRITE of the log, SYS_EXIT.
void GuestImage::write_finish() {
  const auto call = [&](std::uint32_t operation, std::uint32_t argument) {
    code_.constant(0, operation);
    code_.constant(1, argument);
    code_.narrow(0xBEAB);
  };
  const std::string name = output_.string();
  constexpr std::uint32_t kOpenBlock = kData, kWriteBlock = kData + 16, kName = kData + 64;
  const auto store = [&](std::uint32_t address, std::uint32_t value) {
    code_.constant(2, address);
    code_.constant(3, value);
    code_.narrow(0x6013);  // STR R3, [R2]
  };
  for (std::size_t index = 0; index <= name.size(); index += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, name.data() + index, std::min<std::size_t>(4, name.size() - index));
    store(kName + static_cast<std::uint32_t>(index), word);
  }
  store(kOpenBlock, kName);
  store(kOpenBlock + 4, 5);  // "wb"
  store(kOpenBlock + 8, static_cast<std::uint32_t>(name.size()));
  call(0x01, kOpenBlock);
  code_.constant(2, kWriteBlock);
  code_.narrow(0x6010);  // STR R0, [R2]
  store(kWriteBlock + 4, kLog);
  store(kWriteBlock + 8, static_cast<std::uint32_t>(log_words() * 4));
  call(0x05, kWriteBlock);
  call(0x18, 0x20026);
}

void GuestImage::write_elf(const std::filesystem::path& path) const {
  const auto size = static_cast<std::uint32_t>(code_.bytes().size());
  std::array<std::uint32_t, 13 + 8> header{
      // e_ident, e_type and e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, sizes
      0x464C'457F, 0x0001'0101, 0, 0, 0x0028'0002, 1, kCode + 1, 52, 0, 0x0500'0000, 0x0020'0034, 0x0028'0001,
      0,
      // PT_LOAD
      1, 84, kCode, kCode, size, size, 7, 4};
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(header.data()), sizeof header);
  stream.write(reinterpret_cast<const char*>(code_.bytes().data()), size);
}

std::string GuestImage::log_name(std::size_t word) {
  if (word == 0) return "APSR";
  if (word < 14) return "R" + std::to_string(word - 1);
  if (word == 14) return "LR";
  if (word < 47) return "S" + std::to_string(word - 15);
  if (word == 47) return "FPSCR";
  return "memory+" + std::to_string((word - kRegisterWords) * 4);
}

}  // namespace microvisor::board
