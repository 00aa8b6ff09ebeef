// The cells of the chip's flash: main array, OTP, option bytes, and what a power cut leaves in them.
//
// The one rule: a change is announced before it happens. begin() writes the operation into the state file,
// complete() applies it and takes the note away. If the process dies in between, the note is found by the
// next power_on(), which leaves in the cells what the chip would: a torn row, a half-erased page (RM0456
// section 7.3.11). Each row has a state beside its bytes: whether its ECC fits, has one bit to correct, shows
// a double error, or is unstable, that is, answers differently each time it is read.
//
// What a cut leaves and what an unstable row answers is drawn from the board's seed and the number of the
// operation or reading, both kept in the state file: the same board with the same history does the same, and
// another boot does not.
//
// All data lies in mappings owned by BoardMemories. Not thread-safe; belongs to the board's thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "board/memory/memory_supply.hpp"
#include "board/memory/option_bytes.hpp"

namespace microvisor::board {

inline constexpr std::uint32_t kFlashSize = 0x20'0000;
inline constexpr std::uint32_t kFlashBankSize = 0x10'0000;
inline constexpr std::uint32_t kFlashPageSize = 0x2000;
inline constexpr std::uint32_t kFlashPagesPerBank = 128;
inline constexpr std::uint32_t kFlashRowSize = 16;
inline constexpr std::uint32_t kFlashBurstSize = 128;
inline constexpr std::uint32_t kOtpSize = 512;
/// Addresses of cells: the main array by physical bank, then the OTP area.
inline constexpr std::uint32_t kOtpCells = kFlashSize;

/// The numbers of FLASH_OPSR.CODE_OP (RM0456 7.9.12).
enum class FlashOperation : std::uint32_t {
  None = 0,
  QuadWord = 1,
  Burst = 2,
  PageErase = 3,
  BankErase = 4,
  MassErase = 5,
  Options = 6,
};

/// An operation of the flash controller, as the state file records it.
struct FlashJob {
  FlashOperation operation = FlashOperation::None;
  std::uint32_t address = 0;                         ///< first cell
  std::uint32_t size = 0;                            ///< bytes; 0 for Options
  std::array<std::uint8_t, kFlashBurstSize> data{};  ///< what is programmed
};

/// What the ECC of a row is worth. Bit 0: a reading may show a double error; bit 1: a single one.
enum class RowState : std::uint8_t {
  Good = 0,
  Bad = 1,        ///< double error at every reading
  Corrected = 2,  ///< one bit is corrected at every reading
  Unstable = 3,   ///< each reading is drawn anew
};

enum class EccResult : std::uint8_t { Good, Corrected, Detected };

/// A row as one reading finds it.
struct RowReading {
  std::array<std::uint8_t, kFlashRowSize> data{};
  EccResult ecc = EccResult::Good;
};

/// Layout of the state file ("flash.state").
struct FlashState {
  static constexpr std::uint32_t kMagic = 0x5346'564D;  // "MVFS"
  static constexpr std::uint32_t kFormat = 2;
  static constexpr std::uint32_t kRows = (kFlashSize + kOtpSize) / kFlashRowSize;

  std::uint32_t magic = kMagic;
  std::uint32_t format = kFormat;
  std::uint64_t jobs_begun = 0;  ///< also numbers the random leftovers
  FlashJob job;                  ///< in progress
  FlashJob cut;                  ///< the last one that a power cut or reset ended
  std::uint32_t cuts = 0;        ///< how many such ends there were
  std::uint32_t padding = 0;
  OptionBytes options;
  OptionBytes incoming_options;                                ///< being programmed
  std::array<std::uint32_t, 2 * kFlashPagesPerBank> erases{};  ///< wear, a page each
  std::uint64_t unstable_readings = 0;                         ///< numbers the random answers
  std::array<std::uint8_t, kRows / 8> bad_rows{};              ///< bit 0 of RowState, a bit a row
  std::array<std::uint8_t, kRows / 8> weak_rows{};             ///< bit 1
};

class FlashCells {
 public:
  /// `state` holds a FlashState. `supply` must outlive the cells.
  FlashCells(std::span<std::uint8_t> array, std::span<std::uint8_t> otp, std::span<std::uint8_t> state,
             MemorySupply& supply, std::uint64_t seed);

  [[nodiscard]] std::span<std::uint8_t> array() const { return array_; }
  [[nodiscard]] const OptionBytes& options() const { return state_->options; }
  /// What stands in the row that holds this cell, 16 bytes, without reading it as the chip would.
  [[nodiscard]] std::span<const std::uint8_t> row(std::uint32_t cell) const;
  /// One reading of that row by the chip. Of an unstable row, each answers for itself.
  RowReading read(std::uint32_t cell);
  [[nodiscard]] RowState row_state(std::uint32_t cell) const;
  /// All ones with fitting ECC: only such a row can be programmed.
  [[nodiscard]] bool erased(std::uint32_t cell) const;
  /// A reading may show a double ECC error.
  [[nodiscard]] bool bad(std::uint32_t cell) const;
  /// True if any row in [cell, cell + size) is other than Good.
  [[nodiscard]] bool any_flawed(std::uint32_t cell, std::uint32_t size) const;
  [[nodiscard]] std::uint32_t erases(unsigned bank, unsigned page) const;

  /// Announces an operation; complete() or cut_off() ends it. At most one at a time.
  void begin(const FlashJob& job);
  void begin_options(const OptionBytes& incoming);
  [[nodiscard]] const FlashJob& in_progress() const { return state_->job; }
  void complete();
  /// Ends the operation in progress as a reset or a power cut does.
  void cut_off();
  /// To be called once when the chip gets power: deals with what the last power cut interrupted.
  void power_on();
  /// What the last cut hit, and how many cuts there were.
  [[nodiscard]] const FlashJob& last_cut() const { return state_->cut; }
  [[nodiscard]] std::uint32_t cuts() const { return state_->cuts; }

  // For the factory and for tests: no timing, no rules.
  void load(std::uint32_t cell, std::span<const std::uint8_t> bytes);
  void set_options(const OptionBytes& options) { state_->options = options; }
  void mark(std::uint32_t cell, RowState state);

 private:
  [[nodiscard]] std::uint8_t* cell_at(std::uint32_t cell) const;
  void erase_cells(std::uint32_t cell, std::uint32_t size);
  void program_row(std::uint32_t cell, const std::uint8_t* data);
  void tear_row(std::uint32_t cell, const std::uint8_t* target, const struct LeftoverOdds& odds,
                class RandomBits& random);

  std::span<std::uint8_t> array_;
  std::span<std::uint8_t> otp_;
  FlashState* state_;
  MemorySupply& supply_;
  std::uint64_t seed_;
  std::uint32_t flawed_rows_ = 0;  ///< nearly always none, and then nobody looks further
};

}  // namespace microvisor::board
