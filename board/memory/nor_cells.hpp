// Everything of a NOR chip that keeps its contents: the array, the non-volatile registers, wear, and what a
// power cut leaves of them.
//
// The rule is that of FlashCells: a change is announced before it happens and noted in the state file; a note
// found at power_on() was cut short and leaves a torn page or a half-erased sector. NOR has no ECC: what is
// left simply reads as it is. Leftovers are drawn from the board's seed and the number of the operation.
//
// Mappings are owned by BoardMemories. Not thread-safe; belongs to the board's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "board/memory/memory_supply.hpp"
#include "board/memory/nor_array.hpp"

namespace microvisor::board {

inline constexpr std::size_t kNorSize = 64U << 20;
inline constexpr std::uint32_t kNorPageSize = 256;
inline constexpr std::uint32_t kNorSectorSize = 4096;

enum class NorOperation : std::uint32_t { None = 0, Program = 1, Erase = 2, Registers = 3 };

/// Registers that the chip keeps without power (MX25LM51245G data sheet, status, configuration and
/// configuration 2 registers).
struct NorRegisters {
  std::uint8_t status = 0;            ///< BP3-0 5:2, SRWD 7
  std::uint8_t configuration = 0x07;  ///< ODS 2:0, TB 3
  std::uint8_t security = 0;          ///< LDSO 1
  std::uint8_t protocol = 0x03;       ///< CR2 at 0x4000'0000: 0 in a bit selects SOPI (0) or DOPI (1)
  friend bool operator==(const NorRegisters&, const NorRegisters&) = default;
};

struct NorJob {
  NorOperation operation = NorOperation::None;
  std::uint32_t address = 0;                      ///< first cell
  std::uint32_t size = 0;                         ///< bytes; 0 for Registers
  std::array<std::uint8_t, kNorPageSize> data{};  ///< what is programmed
  NorRegisters registers;                         ///< what is to be in force
};

/// Layout of the state file ("nor.state").
struct NorState {
  static constexpr std::uint32_t kMagic = 0x534E'564D;  // "MVNS"
  static constexpr std::uint32_t kFormat = 1;

  std::uint32_t magic = kMagic;
  std::uint32_t format = kFormat;
  std::uint64_t jobs_begun = 0;  ///< also numbers the random leftovers
  NorJob job;                    ///< in progress
  NorJob cut;                    ///< the last one that a power cut or reset ended
  std::uint32_t cuts = 0;        ///< how many such ends there were
  NorRegisters registers;
  std::array<std::uint32_t, kNorSize / kNorSectorSize> erases{};  ///< wear, a sector each
};

class NorCells {
 public:
  /// Makes sure that the host can keep [offset, offset + size): empty if so, else why not.
  using Backing = std::function<std::string(std::size_t offset, std::size_t size)>;

  /// `state` holds a NorState. `supply` must outlive the cells; `backing` may be null.
  NorCells(NorArray array, std::span<std::uint8_t> state, MemorySupply& supply, std::uint64_t seed,
           Backing backing = {});

  /// The cells as they stand. Writing through it is for the factory and for tests: no timing, no rules.
  [[nodiscard]] NorArray array() const { return array_; }
  [[nodiscard]] std::size_t size() const { return array_.size(); }
  [[nodiscard]] std::uint8_t read(std::size_t offset) const { return array_.read(offset); }
  [[nodiscard]] const NorRegisters& registers() const { return state_->registers; }
  [[nodiscard]] std::uint32_t erases(std::uint32_t sector) const { return state_->erases[sector]; }

  /// Announces an operation; complete() or cut_off() ends it. At most one at a time.
  void begin_program(std::uint32_t page, std::span<const std::uint8_t, kNorPageSize> data);
  void begin_erase(std::uint32_t address, std::uint32_t size);
  void begin_registers(const NorRegisters& registers);
  [[nodiscard]] const NorJob& in_progress() const { return state_->job; }
  void complete();
  /// Ends the operation in progress as a reset or a power cut does.
  void cut_off();
  /// To be called when the chip gets power: deals with what the last power cut interrupted.
  void power_on() { cut_off(); }
  [[nodiscard]] const NorJob& last_cut() const { return state_->cut; }
  [[nodiscard]] std::uint32_t cuts() const { return state_->cuts; }

 private:
  void begin(const NorJob& job);
  [[nodiscard]] bool back(const NorJob& job);
  void tear_page(const NorJob& job, class RandomBits& random);
  void tear_erase(const NorJob& job, class RandomBits& random);

  NorArray array_;
  NorState* state_;
  MemorySupply& supply_;
  std::uint64_t seed_;
  Backing backing_;
};

}  // namespace microvisor::board
