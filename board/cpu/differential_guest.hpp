// The guest of the differential test: random programs and the code round them.
//
// The guest goes through a table of programs. For each it fills the scratch memory, loads all registers from
// the table, runs the program, gathers registers and scratch memory in one block and keeps a checksum of it.
// At the end it writes the checksums and the block of the last program to a file by semihosting; so a run of
// one program tells everything about it. What faults ends there, and the block says so.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "board/cpu/decoder.hpp"

namespace microvisor::board {

/// Collects the halfwords of a guest's code.
class Assembler {
 public:
  explicit Assembler(std::uint32_t base) : base_(base) {}

  [[nodiscard]] std::uint32_t here() const { return base_ + static_cast<std::uint32_t>(bytes_.size()); }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  void narrow(std::uint32_t opcode);
  void wide(std::uint32_t opcode);
  void emit(std::uint32_t opcode, bool is_wide_opcode);
  void word(std::uint32_t value);
  /// MOVW and MOVT.
  void constant(unsigned destination, std::uint32_t value);
  /// B.W
  void branch(std::uint32_t target);
  void patch_half(std::uint32_t address, std::uint32_t value);
  [[nodiscard]] std::uint32_t half_at(std::uint32_t address) const;
  /// Goes on at `address`, with NOPs in between.
  void skip_to(std::uint32_t address);

 private:
  std::uint32_t base_;
  std::vector<std::uint8_t> bytes_;
};

class GuestImage {
 public:
  // The memory of mps2-an505 as Secure code sees it: SSRAM1 for code, SSRAM2 for data, PSRAM for the table.
  static constexpr std::uint32_t kCode = 0x1000'0000, kCodeSize = 4 << 20;
  static constexpr std::uint32_t kData = 0x3800'0000, kDataSize = 1 << 20;
  static constexpr std::uint32_t kTable = 0x8000'0000, kTableSize = 12 << 20;
  static constexpr std::uint32_t kChecksums = kTable + kTableSize, kChecksumsSize = 1 << 20;
  static constexpr std::uint32_t kScratch = kData + 0x1000;  ///< memory that programs read and write
  static constexpr std::uint32_t kScratchWords = 64;
  static constexpr std::uint32_t kStack = kData + 0x8000;
  /// The block of a program: CFSR if it faulted, SP, S0-S31, FPSCR, APSR, R0-R12, LR; scratch memory behind.
  static constexpr std::uint32_t kRegisterWords = 50;
  static constexpr std::uint32_t kBlockWords = kRegisterWords + kScratchWords;
  static constexpr std::uint32_t kBlock = kScratch - 4 * kRegisterWords;

  struct Program {
    std::uint64_t id = 0;
    std::string listing;  ///< empty unless asked for
  };

  /// Programs `first`, `first` + 1, ... as many as there is room for, at most `count`. The guest writes to
  /// `output`.
  GuestImage(std::uint64_t first, std::uint64_t count, bool listing, std::filesystem::path output);

  [[nodiscard]] const std::vector<std::uint8_t>& code() const { return code_.bytes(); }
  [[nodiscard]] const std::vector<std::uint32_t>& table() const { return table_; }
  [[nodiscard]] const std::vector<Program>& programs() const { return programs_; }
  /// Words of the output: a checksum a program, and the last block.
  [[nodiscard]] std::size_t output_words() const { return programs_.size() + kBlockWords; }
  [[nodiscard]] const std::filesystem::path& output_file() const { return output_; }
  void write_elf(const std::filesystem::path& path) const;
  [[nodiscard]] static std::string block_name(std::size_t word);

 private:
  void write_runtime();
  void write_start();
  void write_driver();
  void write_gathering();
  void write_fault_handler();
  void write_finish();
  void write_copy(unsigned words);
  void add_program(std::uint64_t id, bool listing);
  void add_state(std::mt19937_64& random, std::uint32_t entry);

  Assembler code_{kCode};
  std::vector<std::uint32_t> table_;
  std::filesystem::path output_;
  std::vector<Program> programs_;
  std::uint32_t pattern_ = 0, driver_ = 0, gathering_ = 0, finish_ = 0;
};

/// Draws instructions from the table and writes them with what they need (bases, conditions) to an assembler.
class ProgramWriter {
 public:
  ProgramWriter(Assembler& code, std::mt19937_64& random, std::string* listing)
      : code_(code), random_(random), listing_(listing) {}
  void write(unsigned instructions);
  /// Words of their own for the literal loads of the program, so that it reads the same wherever it stands.
  void write_literals();

 private:
  struct Drawn {
    const Encoding* row = nullptr;
    std::uint32_t opcode = 0;
    Record record;
  };
  [[nodiscard]] std::uint32_t below(std::uint32_t limit);
  [[nodiscard]] Drawn draw_data(std::uint8_t it_state);
  [[nodiscard]] Drawn draw_memory(std::uint8_t it_state);
  [[nodiscard]] bool memory_allowed(const Drawn& drawn) const;
  void prepare_base(const Drawn& drawn);
  void prepare_monitor(const Drawn& drawn);
  void emit(const Drawn& drawn);
  void note(const std::string& line);
  void write_memory();
  void write_it_block();
  void write_branch_over();

  struct LiteralLoad {
    std::uint32_t address = 0;
    bool wide = false;
  };

  Assembler& code_;
  std::mt19937_64& random_;
  std::string* listing_;
  std::vector<LiteralLoad> literals_;
};

}  // namespace microvisor::board
