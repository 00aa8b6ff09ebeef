// Registers and keys of the flash interface.
#include "board/peripherals/flash.hpp"

#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/flash_bits.hpp"
#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {

using namespace flash;

namespace {

constexpr unsigned kInterruptNonSecure = 6;
constexpr unsigned kInterruptSecure = 7;
constexpr std::uint32_t kAcrStored = 0x090F | 1U << 14;  // LATENCY, PRFTEN, LPM, SLEEP_PD
constexpr std::uint32_t kAcrPowerDown = 3U << 12;        // PDREQ1, PDREQ2

/// Registers that belong to the secure world: non-secure accesses read zero and write nothing (RM0456 table
/// 75).
bool secure_only(std::uint32_t offset) {
  switch (offset) {
    case kSecKeyr:
    case kSecSr:
    case kSecCr:
    case kSecBootAdd0r:
    case kSecHdpcr: return true;
    default: return false;
  }
}

/// Option registers that only secure code may write; everybody may read them.
bool secure_write_only(std::uint32_t offset) {
  return offset == kSecWm1r1 || offset == kSecWm1r1 + 4 || offset == kSecWm2r2 - 4 || offset == kSecWm2r2 ||
         (offset >= kSecBb1r1 && offset <= kSecBb2r4);
}

bool block_register(std::uint32_t offset) {
  return (offset >= kSecBb1r1 && offset <= kSecBb2r4) || (offset >= kPrivBb1r1 && offset <= kPrivBb2r4);
}

/// Registers whose bytes not written count as zero: keys and flags.
bool write_has_effect_per_bit(std::uint32_t offset) {
  return offset <= kPdKey2r ? offset != kAcr : offset == kNsSr || offset == kSecSr;
}

/// Where a block-based register lies in a PageBits.
std::uint32_t& block_word(FlashProtection::PageBits& bits, std::uint32_t offset_in_group) {
  return bits[offset_in_group / 0x20][(offset_in_group % 0x20) / 4];
}

bool block_exists(std::uint32_t offset_in_group) { return offset_in_group % 0x20 < 0x10; }

}  // namespace

Flash::Flash(FlashCells& cells, Ports ports)
    : cells_(cells), ports_(std::move(ports)), finished_(ports_.scheduler, [this] { finish(); }) {
  reset_registers();
}

std::uint32_t Flash::status_of(bool secure) const {
  std::uint32_t status = controllers_[secure].status;
  if (busy()) status |= kBsy;
  if (buffer_.count != 0) status |= kWdw;
  if (secure) return status;
  if (active_.oem1_locked()) status |= kOem1Lock;
  if (active_.oem2_locked()) status |= kOem2Lock;
  return status | powered_down_ * kPd1;
}

bool Flash::readable(std::uint32_t offset, const Access& access) const {
  if (secure_only(offset) && !access.secure) return false;
  if (access.privileged || block_register(offset) || offset == kPrivCfgr) return true;
  return (privilege_ >> (secure_only(offset) ? 0 : 1) & 1) == 0;
}

bool Flash::writable(std::uint32_t offset, const Access& access) {
  if (!access.secure && (secure_only(offset) || secure_write_only(offset))) {
    ports_.report_registers();
    return false;
  }
  if (access.privileged) return true;
  const bool secure_register = secure_only(offset) || secure_write_only(offset);
  return (privilege_ >> (secure_register ? 0 : 1) & 1) == 0;
}

Outcome Flash::read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  value = 0;
  if (!readable(offset & ~3U, access)) return Outcome::Ok;
  value = read_lane(peek(offset & ~3U), offset, size);
  return Outcome::Ok;
}

std::uint32_t Flash::peek(std::uint32_t offset) const {
  offset &= ~3U;
  switch (offset) {
    case kAcr: return access_control_;
    case kNsSr: return status_of(false);
    case kSecSr: return status_of(true);
    case kNsCr: return controllers_[0].control;
    case kSecCr: return controllers_[1].control;
    case kEccr: return ecc_;
    case kOpsr: return interrupted_;
    case kSecHdpcr: return hide_closed_;
    case kPrivCfgr: return privilege_;
    default: break;
  }
  if (offset >= kOptr && offset <= kOem2Keyr2) return option_register(offset);
  if (offset >= kSecBb1r1 && offset <= kSecBb2r4 && block_exists(offset - kSecBb1r1)) {
    return secure_blocks_[(offset - kSecBb1r1) / 0x20][(offset % 0x20) / 4];
  }
  if (offset >= kPrivBb1r1 && offset <= kPrivBb2r4 && block_exists(offset - kPrivBb1r1)) {
    return privileged_blocks_[(offset - kPrivBb1r1) / 0x20][((offset - kPrivBb1r1) % 0x20) / 4];
  }
  return 0;
}

Outcome Flash::write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  if (!writable(word, access)) return Outcome::Ok;
  value = write_lane(write_has_effect_per_bit(word) ? 0 : peek(word), offset, size, value);
  return write_register(word, access, value);
}

Outcome Flash::write_register(std::uint32_t offset, const Access& access, std::uint32_t value) {
  switch (offset) {
    case kAcr: write_access_control(value); return Outcome::Ok;
    case kNsKeyr: return write_key(nonsecure_key_, true, controllers_[0], kLock, value);
    case kSecKeyr: return write_key(secure_key_, true, controllers_[1], kLock, value);
    case kOptKeyr:
      return write_key(option_key_, (controllers_[0].control & kLock) == 0, controllers_[0], kOptLock, value);
    case kPdKey1r: return write_power_down_key(0, value);
    case kPdKey2r: return write_power_down_key(1, value);
    case kNsSr:
    case kSecSr: {
      controllers_[offset == kSecSr].status &= ~(value & kClearable);
      update_interrupts();
      return Outcome::Ok;
    }
    case kNsCr:
    case kSecCr: return write_control(access, offset == kSecCr, value);
    case kEccr:
      ecc_ = (ecc_ & ~(value & (kEccCorrected | kEccDetected)) & ~std::uint32_t{kEccIe}) | (value & kEccIe);
      update_interrupts();
      return Outcome::Ok;
    case kSecHdpcr:
      hide_closed_ |= value & 3;
      update_protection();
      return Outcome::Ok;
    case kPrivCfgr: {
      if (!access.privileged) return Outcome::Ok;
      const std::uint32_t mask = access.secure ? 3 : 2;
      privilege_ = (privilege_ & ~mask) | (value & mask);
      return Outcome::Ok;
    }
    default: break;
  }
  if (block_register(offset)) {
    write_block_bits(offset, access, value);
  } else if (offset >= kOptr && offset <= kOem2Keyr2) {
    write_option_register(offset, value);
  }
  return Outcome::Ok;
}

Outcome Flash::write_key(FlashKey& key, bool allowed, Controller& controller, std::uint32_t lock_bit,
                         std::uint32_t value) {
  // RM0456 7.9.13 and 7.9.14: an unsuccessful sequence keeps the lock bit set until the next reset. A key
  // written while the register is open counts as unsuccessful too, and shuts it.
  if (!allowed || (controller.control & lock_bit) == 0) key.shut();
  switch (key.write(value)) {
    case FlashKey::Result::Waiting: return Outcome::Ok;
    case FlashKey::Result::Opened: controller.control &= ~lock_bit; return Outcome::Ok;
    case FlashKey::Result::Refused: break;
  }
  controller.control |= lock_bit;
  return Outcome::BusError;
}

Outcome Flash::write_power_down_key(unsigned bank, std::uint32_t value) {
  switch (power_down_keys_[bank].write(value)) {
    case FlashKey::Result::Waiting: return Outcome::Ok;
    case FlashKey::Result::Opened: power_down_unlocked_ |= 1U << bank; return Outcome::Ok;
    case FlashKey::Result::Refused: break;
  }
  return Outcome::BusError;
}

void Flash::write_access_control(std::uint32_t value) {
  access_control_ = value & kAcrStored;
  // A bank enters power-down at once; the request bit clears and the key locks again (RM0456 7.9.1). The next
  // access to the bank wakes it.
  const std::uint32_t requested = ((value & kAcrPowerDown) >> 12) & power_down_unlocked_;
  powered_down_ |= requested;
  power_down_unlocked_ &= ~requested;
  if (requested != 0) ports_.permissions_changed();
}

Outcome Flash::write_control(const Access& access, bool secure, std::uint32_t value) {
  if (busy()) return Outcome::Stall;
  Controller& controller = controllers_[secure];
  if ((controller.control & kLock) != 0) return Outcome::Ok;
  std::uint32_t stored = kPg | kPer | kMer1 | kPnb | kBker | kBwr | kMer2 | kEopie | kErrie;
  if (secure) stored |= kRdErrie | kInv;
  const bool options_open = !secure && (controller.control & kOptLock) == 0;
  controller.control = (controller.control & ~stored) | (value & (stored | kLock));
  if (!secure) controller.control |= value & kOptLock;
  update_interrupts();
  if (buffer_.count != 0 && buffer_.secure == secure && (value & kPg) == 0) fail(secure, kPgsErr);
  if ((value & kStrt) != 0) start_erase(access, secure);
  if (options_open && (value & kOptStrt) != 0) start_options();
  if (options_open && (value & kOblLaunch) != 0) ports_.launch_options();
  return Outcome::Ok;
}

void Flash::write_block_bits(std::uint32_t offset, const Access& access, std::uint32_t value) {
  if (offset <= kSecBb2r4) {
    if (!block_exists(offset - kSecBb1r1)) return;
    block_word(secure_blocks_, offset - kSecBb1r1) = value;
  } else {
    const std::uint32_t inside = offset - kPrivBb1r1;
    if (!block_exists(inside) || !access.privileged) return;
    std::uint32_t& word = block_word(privileged_blocks_, inside);
    // The non-secure world decides for its own pages only (RM0456 table 76).
    std::uint32_t mask = ~0U;
    for (unsigned bit = 0; bit < 32 && !access.secure; ++bit) {
      const unsigned page = inside / 0x20 * kFlashPagesPerBank + (inside % 0x20) / 4 * 32 + bit;
      if (protection_.secure(page)) mask &= ~(1U << bit);
    }
    word = (word & ~mask) | (value & mask);
  }
  update_protection();
}

void Flash::update_protection() {
  protection_.update(active_, secure_blocks_, privileged_blocks_, hide_closed_);
  ports_.permissions_changed();
}

void Flash::update_interrupts() {
  const auto wanted = [this](bool secure) {
    const auto [control, status] = controllers_[secure];
    return ((control & kEopie) != 0 && (status & kEop) != 0) ||
           ((control & kErrie) != 0 && (status & (kOpErr | kProgramErrors)) != 0);
  };
  const bool corrected = (ecc_ & kEccIe) != 0 && (ecc_ & kEccCorrected) != 0;
  ports_.interrupts.set_line(kInterruptNonSecure, wanted(false) || corrected);
  ports_.interrupts.set_line(kInterruptSecure, wanted(true));
}

void Flash::reset(Reset kind) {
  interrupted_ = 0;
  finished_.cancel();
  if (busy()) {
    const FlashJob job = cells_.in_progress();
    cells_.cut_off();
    // OPSR tells of operations that a system reset has ended, not of a power loss (RM0456 7.3.12).
    if (kind != Reset::PowerOn) {
      const bool system = job.address >= kFlashSize;  // OTP
      interrupted_ = static_cast<std::uint32_t>(job.operation) << 29 |
                     (system ? std::uint32_t{kOpsrSystem} : 0U) |
                     (!system && job.address >= kFlashBankSize ? std::uint32_t{kOpsrBank} : 0U) |
                     (job.address % kFlashBankSize);
    }
    if (job.operation != FlashOperation::Options) ports_.cells_changed(job.address, job.size);
  }
  reset_registers();
}

void Flash::reset_registers() {
  access_control_ = 0;
  controllers_[0] = {kOptLock | kLock, 0};
  controllers_[1] = {kLock, 0};
  ecc_ = 0;
  hide_closed_ = 0;
  privilege_ = 0;
  powered_down_ = 0;
  power_down_unlocked_ = 0;
  secure_blocks_ = {};
  privileged_blocks_ = {};
  buffer_ = {};
  nonsecure_key_.reset();
  secure_key_.reset();
  option_key_.reset();
  for (FlashKey& key : power_down_keys_) key.reset();
  load_options();
  update_protection();
  update_interrupts();
}

void Flash::serialise(Archive& archive) {
  archive(busy_until_, operation_secure_, access_control_, controllers_, ecc_, interrupted_, hide_closed_,
          privilege_, powered_down_, power_down_unlocked_, secure_blocks_, privileged_blocks_, buffer_,
          active_, shadow_, nonsecure_key_, secure_key_, option_key_, power_down_keys_);
  serialise_event(archive, finished_);
  if (!archive.loading()) return;
  update_protection();
}

}  // namespace microvisor::board
