// What the bus sees of the flash array: reads, stalls, ECC, and the longest stretch that needs no second
// look.
#include <cstring>

#include "board/peripherals/flash.hpp"
#include "board/peripherals/flash_bits.hpp"

namespace microvisor::board {

using namespace flash;

namespace {

// System memory cells have no bank of their own; the model lets OTP programming occupy bank 1.
unsigned bank_of(std::uint32_t cell) { return cell < kFlashSize ? cell / kFlashBankSize : 0; }

}  // namespace

std::uint32_t Flash::cell_of(std::uint32_t offset) const {
  return (active_.optr & optr::kSwapBank) != 0 ? offset ^ kFlashBankSize : offset;
}

bool Flash::busy_bank(std::uint32_t cell) const {
  if (!busy()) return false;
  const FlashJob& job = cells_.in_progress();
  if (job.operation == FlashOperation::MassErase || job.operation == FlashOperation::Options) return true;
  return bank_of(job.address) == bank_of(cell);
}

Outcome Flash::read_array(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  value = 0;
  const std::uint32_t cell = cell_of(offset);
  if (const Violation violation = protection_.check(cell / kFlashPageSize, access);
      violation != Violation::None) {
    const Policy policy = policy_of(violation);
    if (access.fetch ? policy.flag_on_fetch : policy.flag_on_read) ports_.report_array();
    return (access.fetch ? policy.fetch : policy.data) == Reaction::BusError ? Outcome::BusError
                                                                             : Outcome::Ok;
  }
  if (busy_bank(cell)) return Outcome::Stall;
  powered_down_ &= ~(1U << bank_of(cell));
  value = read_cells(cell, size);
  return Outcome::Ok;
}

std::uint32_t Flash::read_cells(std::uint32_t cell, unsigned size) {
  const RowReading row = cells_.read(cell);
  if (row.ecc != EccResult::Good) note_ecc_error(cell, row.ecc);
  std::uint32_t value = 0;
  std::memcpy(&value, row.data.data() + cell % kFlashRowSize, size);
  return value;
}

void Flash::note_ecc_error(std::uint32_t cell, EccResult error) {
  // Only while both flags are clear: a correction that nobody has cleared hides a double error behind it, and
  // the NMI with it (RM0456 FLASH_ECCR, ECCC and ECCD).
  if ((ecc_ & (kEccCorrected | kEccDetected)) != 0) return;
  const bool system = cell >= kFlashSize;
  const bool detected = error == EccResult::Detected;
  ecc_ = (ecc_ & kEccIe) | (detected ? kEccDetected : kEccCorrected) |
         (cell % kFlashBankSize & ~(kFlashRowSize - 1)) |
         (bank_of(cell) == 1 ? std::uint32_t{kEccBank} : 0U) | (system ? std::uint32_t{kEccSystem} : 0U);
  if (detected) ports_.interrupts.raise_nmi();
  update_interrupts();
}

std::optional<DirectSpan> Flash::direct(std::uint32_t offset, const Access& access) {
  const std::uint32_t cell = cell_of(offset);
  const unsigned page = cell / kFlashPageSize;
  if (protection_.check(page, access) != Violation::None || busy_bank(cell)) return std::nullopt;
  if ((powered_down_ >> bank_of(cell) & 1) != 0) return std::nullopt;
  if (cells_.any_flawed(page * kFlashPageSize, kFlashPageSize)) return std::nullopt;
  const unsigned bank_start = page / kFlashPagesPerBank * kFlashPagesPerBank;
  const auto joins = [&](unsigned other) {
    return protection_.alike(page, other) && !cells_.any_flawed(other * kFlashPageSize, kFlashPageSize);
  };
  unsigned first = page;
  unsigned last = page;
  while (first > bank_start && joins(first - 1)) --first;
  while (last + 1 < bank_start + kFlashPagesPerBank && joins(last + 1)) ++last;
  const std::uint32_t first_cell = first * kFlashPageSize;
  return DirectSpan{.host = cells_.array().data() + first_cell,
                    .base = cell_of(first_cell),
                    .size = (last - first + 1) * kFlashPageSize,
                    .writable = false,
                    .physical = kPhysicalFlash + first_cell};
}

Outcome Flash::read_otp(std::uint32_t offset, unsigned size, std::uint32_t& value) {
  if (busy_bank(kOtpCells)) return Outcome::Stall;
  value = read_cells(kOtpCells + offset, size);
  return Outcome::Ok;
}

Outcome Flash::write_array(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  const std::uint32_t cell = cell_of(offset);
  const Violation violation = protection_.check(cell / kFlashPageSize, access);
  if (violation != Violation::None) {
    if (policy_of(violation).flag_on_write) ports_.report_array();
    if (violation != Violation::Unprivileged) fail(access.secure, kWrpErr);
    return Outcome::Ok;
  }
  if (busy()) return Outcome::Stall;
  return take_word(cell, size, access.secure, value);
}

Outcome Flash::write_otp(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  if (busy()) return Outcome::Stall;
  // OTP belongs to no world; the controller that has PG set takes the words (the vendor's driver uses NSCR).
  const bool secure = access.secure && (controllers_[0].control & kPg) == 0;
  return take_word(kOtpCells + offset, size, secure, value);
}

}  // namespace microvisor::board
