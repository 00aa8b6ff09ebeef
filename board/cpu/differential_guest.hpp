// The guest of the differential test: random programs and the code round them.
#pragma once

#include <algorithm>
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
  void align();
  /// MOVW and MOVT.
  void constant(unsigned destination, std::uint32_t value);
  void branch_link(std::uint32_t target);
  void patch_half(std::uint32_t address, std::uint32_t value);

 private:
  std::uint32_t base_;
  std::vector<std::uint8_t> bytes_;
};

class GuestImage {
 public:
  // The memory of mps2-an505 as Secure code sees it: SSRAM1, SSRAM2 and SSRAM3, PSRAM.
  static constexpr std::uint32_t kCode = 0x1000'0000, kCodeSize = 4 << 20;
  static constexpr std::uint32_t kData = 0x3800'0000, kDataSize = 1 << 20;
  static constexpr std::uint32_t kLog = 0x8000'0000, kLogSize = 8 << 20;
  static constexpr std::uint32_t kScratch = kData + 0x1000;  ///< memory that programs read and write
  static constexpr std::uint32_t kScratchWords = 64;
  static constexpr std::uint32_t kStack = kData + 0x8000;
  /// Log of a program: flags, R0-R12, LR; S0-S31, FPSCR; scratch memory.
  static constexpr std::size_t kCoreWords = 15, kFloatWords = 33;
  static constexpr std::size_t kRegisterWords = kCoreWords + kFloatWords;
  static constexpr std::size_t kLogWords = kRegisterWords + kScratchWords;

  struct Program {
    std::uint64_t id = 0;
    std::string listing;
  };

  GuestImage(std::uint64_t seed, std::uint64_t count, std::filesystem::path output);

  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return code_.bytes(); }
  [[nodiscard]] const std::vector<Program>& programs() const { return programs_; }
  [[nodiscard]] std::size_t log_words() const { return programs_.size() * kLogWords; }
  [[nodiscard]] const std::filesystem::path& output_file() const { return output_; }
  void write_elf(const std::filesystem::path& path) const;
  [[nodiscard]] static std::string log_name(std::size_t word);

 private:
  void write_runtime();
  void write_reset_of_scratch();
  void write_float_registers(std::mt19937_64& random);
  void write_program(std::uint64_t id);
  void write_prologue(std::mt19937_64& random);
  void write_epilogue();
  void write_finish();

  Assembler code_{kCode};
  std::filesystem::path output_;
  std::vector<Program> programs_;
  std::uint32_t copy_routine_ = 0;
  std::uint32_t pattern_ = 0;
};

/// Draws instructions from the table and writes them with what they need (bases, conditions) to an assembler.
class ProgramWriter {
 public:
  ProgramWriter(Assembler& code, std::mt19937_64& random, std::string& listing)
      : code_(code), random_(random), listing_(listing) {}
  void write(unsigned instructions);

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
  void write_plain();
  void write_memory();
  void write_it_block();
  void write_branch_over();

  Assembler& code_;
  std::mt19937_64& random_;
  std::string& listing_;
};

}  // namespace microvisor::board
