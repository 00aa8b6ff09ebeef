// Random programs: which instructions are drawn, and what makes their result defined.
//
// Every row of the instruction table is as likely as any other. Bases are given values with which accesses
// hit the scratch memory; encodings whose result the architecture leaves open are not drawn.
#include <algorithm>
#include <array>

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/differential_guest.hpp"

namespace microvisor::board {

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

void ProgramWriter::note(const std::string& line) {
  if (listing_ != nullptr) *listing_ += line;
}

void ProgramWriter::emit(const Drawn& drawn) {
  if (listing_ != nullptr) {
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "  %08x  %0*x  %.*s\n", code_.here(), drawn.row->wide ? 8 : 4,
                  drawn.opcode, static_cast<int>(drawn.row->name.size()), drawn.row->name.data());
    note(line.data());
  }
  if (has(drawn.row->name, "literal")) literals_.push_back({code_.here(), drawn.row->wide});
  code_.emit(drawn.opcode, drawn.row->wide);
}

void ProgramWriter::write_literals() {
  constexpr std::uint32_t kWords = 8;
  if (literals_.empty()) return;
  if (code_.here() % 4 != 0) code_.narrow(0xBF00);
  const std::uint32_t pool = code_.here();
  for (std::uint32_t word = 0; word < kWords; ++word) code_.word(static_cast<std::uint32_t>(random_()));
  for (const LiteralLoad& load : literals_) {
    const std::uint32_t distance = pool + 4 * below(kWords - 1) - ((load.address + 4) & ~3u);
    const std::uint32_t first = code_.half_at(load.address);
    if (load.wide) {  // U = 1, imm12
      code_.patch_half(load.address, first | 0x80);
      code_.patch_half(load.address + 2, (code_.half_at(load.address + 2) & 0xF000) | (distance + below(4)));
    } else {  // imm8 words; what is out of reach loads from the program itself
      code_.patch_half(load.address, (first & 0xFF00) | (distance < 1024 ? distance / 4 : 0));
    }
  }
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
  note("  IT " + std::to_string(condition) + ", mask " + std::to_string(mask) + "\n");
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
  note("  branch to here\n");
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

}  // namespace microvisor::board
