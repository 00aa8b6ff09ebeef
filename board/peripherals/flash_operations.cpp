// Programming and erasing (RM0456 sections 7.3.6 to 7.3.9).
#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "board/peripherals/flash.hpp"
#include "board/peripherals/flash_bits.hpp"

namespace microvisor::board {

using namespace flash;

void Flash::fail(bool secure, std::uint32_t flag) {
  Controller& controller = controllers_[secure];
  controller.status |= flag;
  if ((controller.control & kErrie) != 0) controller.status |= kOpErr;
  if (buffer_.secure == secure) buffer_ = {};
  update_interrupts();
}

Outcome Flash::take_word(std::uint32_t cell, unsigned size, bool secure, std::uint32_t value) {
  const auto [control, status] = controllers_[secure];
  const bool erasing = (control & (kPer | kMer1 | kMer2)) != 0;
  const bool other_pending = buffer_.count != 0 && buffer_.secure != secure;
  if ((control & kPg) == 0 || erasing || other_pending || (status & kProgramErrors) != 0) {
    fail(secure, kPgsErr);
    return Outcome::Ok;
  }
  if (size != 4) {
    fail(secure, kSizErr);
    return Outcome::Ok;
  }
  if (cell < kFlashSize && protection_.write_protected(cell / kFlashPageSize)) {
    fail(secure, kWrpErr);
    return Outcome::Ok;
  }
  if (buffer_.count == 0) {
    buffer_.size = (control & kBwr) != 0 && cell < kFlashSize ? kFlashBurstSize : kFlashRowSize;
    buffer_.cell = cell;
    buffer_.secure = secure;
    if (cell % buffer_.size != 0) {
      fail(secure, kPgaErr);
      return Outcome::Ok;
    }
  } else if (cell != buffer_.cell + buffer_.count) {
    fail(secure, kPgaErr);
    return Outcome::Ok;
  }
  std::memcpy(buffer_.data.data() + buffer_.count, &value, 4);
  buffer_.count += 4;
  if (buffer_.count == buffer_.size) start_programming();
  return Outcome::Ok;
}

void Flash::start_programming() {
  const WriteBuffer buffer = std::exchange(buffer_, {});
  const bool otp = buffer.cell >= kFlashSize;
  for (std::uint32_t done = 0; done < buffer.size; done += kFlashRowSize) {
    const std::span row{buffer.data.data() + done, kFlashRowSize};
    // A used row takes zeros only (FLASH_NSSR.PROGERR); an OTP row nothing at all (RM0456 7.3.2). A row that
    // a cut has left in doubt is used, whatever it reads as. A burst is refused whole: the manual does not
    // say whether the rows before the used one are programmed.
    const bool zeros = std::ranges::all_of(row, [](std::uint8_t byte) { return byte == 0; });
    if (!cells_.erased(buffer.cell + done) && (otp || !zeros)) {
      fail(buffer.secure, kProgErr);
      return;
    }
  }
  const bool burst = buffer.size == kFlashBurstSize;
  const FlashJob job{.operation = burst ? FlashOperation::Burst : FlashOperation::QuadWord,
                     .address = buffer.cell,
                     .size = buffer.size,
                     .data = buffer.data};
  start(job, buffer.secure, burst ? timing.burst_row * (kFlashBurstSize / kFlashRowSize) : timing.row);
}

void Flash::start_erase(const Access& access, bool secure) {
  const std::uint32_t control = controllers_[secure].control;
  const bool page = (control & kPer) != 0;
  const bool banks = (control & (kMer1 | kMer2)) != 0;
  const bool stale = (controllers_[secure].status & kProgramErrors) != 0;
  if (page == banks || (control & kPg) != 0 || buffer_.count != 0 || stale) {
    fail(secure, kPgsErr);
    return;
  }
  if (page) {
    start_page_erase(access, secure, control);
  } else {
    start_bank_erase(access, secure, control);
  }
}

void Flash::start_page_erase(const Access& access, bool secure, std::uint32_t control) {
  // PNB and BKER name physical banks, swapped or not (RM0456 7.5.8).
  const unsigned page = ((control & kBker) != 0 ? kFlashPagesPerBank : 0U) + ((control & kPnb) >> 3);
  if (!may_erase(page, access, secure)) {
    fail(secure, kWrpErr);
    return;
  }
  const FlashJob job{.operation = FlashOperation::PageErase,
                     .address = page * kFlashPageSize,
                     .size = kFlashPageSize,
                     .data = {}};
  const bool worn = cells_.erases(page / kFlashPagesPerBank, page % kFlashPagesPerBank) >= FlashTiming::kWorn;
  start(job, secure, worn ? timing.worn_page_erase : timing.page_erase);
}

void Flash::start_bank_erase(const Access& access, bool secure, std::uint32_t control) {
  const bool first = (control & kMer1) != 0;
  const bool second = (control & kMer2) != 0;
  const unsigned begin = first ? 0 : kFlashPagesPerBank;
  const unsigned end = second ? 2 * kFlashPagesPerBank : kFlashPagesPerBank;
  // All or nothing: one page of the other world, protected or hidden, and the erase is refused (RM0456 table
  // 70).
  bool allowed = true;
  for (unsigned page = begin; page < end && allowed; ++page) allowed = may_erase(page, access, secure);
  if (!allowed) {
    fail(secure, kWrpErr);
    return;
  }
  const FlashJob job{.operation = first && second ? FlashOperation::MassErase : FlashOperation::BankErase,
                     .address = begin * kFlashPageSize,
                     .size = (end - begin) * kFlashPageSize,
                     .data = {}};
  start(job, secure, timing.bank_erase * (first && second ? 2 : 1));
}

bool Flash::may_erase(unsigned page, const Access& access, bool secure) {
  const Violation violation = protection_.check(page, {.secure = secure, .privileged = access.privileged});
  if (violation != Violation::None) {
    if (policy_of(violation).flag_on_write) ports_.report_array();
    return false;
  }
  return !protection_.write_protected(page);
}

void Flash::start(const FlashJob& job, bool secure, Time duration) {
  cells_.begin(job);
  operation_secure_ = secure;
  busy_until_ = ports_.scheduler.now() + duration;
  if (job.operation == FlashOperation::PageErase || job.operation == FlashOperation::BankErase ||
      job.operation == FlashOperation::MassErase) {
    controllers_[secure].control |= kStrt;
  }
  finished_.at(busy_until_);
  ports_.permissions_changed();  // the bank is not directly readable for now
}

void Flash::finish() {
  const FlashJob job = cells_.in_progress();
  cells_.complete();
  Controller& controller = controllers_[operation_secure_];
  controller.control &= ~std::uint32_t{kStrt | kOptStrt};
  if ((controller.control & kEopie) != 0) controller.status |= kEop;
  if (job.operation == FlashOperation::Options) {
    shadow_ = cells_.options();
  } else if (job.address < kFlashSize) {
    ports_.cells_changed(job.address, job.size);
  }
  ports_.permissions_changed();
  update_interrupts();
}

}  // namespace microvisor::board
