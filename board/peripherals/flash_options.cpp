// Option bytes: shadow registers, the check of a change, programming, loading at reset (RM0456 sections 7.4
// and 7.5).
#include "board/peripherals/flash.hpp"
#include "board/peripherals/flash_bits.hpp"

namespace microvisor::board {

using namespace flash;

namespace {

constexpr std::uint32_t kUnlocked = 1U << 31;  // WRPxyR.UNLOCK
constexpr std::uint32_t kDualBank = 1U << 21;  // OPTR.DUALBANK

bool level1(std::uint32_t rdp) {
  return rdp != optr::kRdpLevel0 && rdp != optr::kRdpLevel0_5 && rdp != optr::kRdpLevel2;
}

bool regresses_to(std::uint32_t level, const OptionBytes& now, const OptionBytes& next) {
  return level1(now.rdp()) && next.rdp() == level;
}

/// The levels go up at will. They come down from level 1 only, if the lock of the level wanted is open: a key
/// comes in through the debug port, and there is no probe here. At level 2 everything is frozen but
/// SWAP_BANK, for the same reason.
bool protection_allows(OptionBytes now, OptionBytes next) {
  const std::uint32_t from = now.rdp();
  if (from == optr::kRdpLevel2) {
    now.optr &= ~optr::kSwapBank;
    next.optr &= ~optr::kSwapBank;
    return now == next;
  }
  if (next.rdp() == optr::kRdpLevel0_5 && !next.trustzone()) return false;
  if (from == optr::kRdpLevel0_5 && next.rdp() == optr::kRdpLevel0) return false;
  if (regresses_to(optr::kRdpLevel0, now, next) && now.oem1_locked()) return false;
  return !(regresses_to(optr::kRdpLevel0_5, now, next) && now.oem2_locked());
}

bool keys_allow(const OptionBytes& now, const OptionBytes& next) {
  const bool level0 = now.rdp() == optr::kRdpLevel0;
  if (now.oem1_key != next.oem1_key && now.oem1_locked() && !level0) return false;
  return now.oem2_key == next.oem2_key || !now.oem2_locked() || level0 || now.rdp() == optr::kRdpLevel0_5;
}

/// TZEN is set at level 0 and leaves with a regression to it.
bool trustzone_allows(const OptionBytes& now, const OptionBytes& next) {
  if (now.trustzone() == next.trustzone()) return true;
  return next.trustzone() ? now.rdp() == optr::kRdpLevel0 : regresses_to(optr::kRdpLevel0, now, next);
}

bool boot_lock_allows(const OptionBytes& now, const OptionBytes& next) {
  if ((now.secure_boot & kBootLock) == 0) return true;
  if ((next.secure_boot & kBootLock) == 0 && now.rdp() != optr::kRdpLevel0) return false;
  if (((now.secure_boot ^ next.secure_boot) & kBootAddressMask) != 0) return false;
  return !now.trustzone() || ((now.optr ^ next.optr) & (optr::kSwapBank | kDualBank)) == 0;
}

bool hide_inside_watermark(const OptionBytes& options, unsigned bank) {
  const PageRange hide = options.hidden_pages(bank);
  if ((options.bank[bank].hide >> 31) == 0) return true;
  const PageRange watermark = options.secure_pages(bank);
  return hide.first <= hide.last && watermark.contains(hide.last);
}

bool write_protection_kept(std::uint32_t now, std::uint32_t next) {
  return (now & kUnlocked) != 0 || now == next;
}

}  // namespace

std::uint32_t Flash::option_register(std::uint32_t offset) const {
  switch (offset) {
    case kOptr: return shadow_.optr;
    case kNsBootAdd0r: return shadow_.nonsecure_boot0;
    case kNsBootAdd1r: return shadow_.nonsecure_boot1;
    case kSecBootAdd0r: return shadow_.secure_boot;
    default: break;
  }
  if (offset < kSecWm1r1 || offset >= kOem1Keyr1) return 0;  // OEM keys cannot be read
  const BankOptions& bank = shadow_.bank[(offset - kSecWm1r1) / 16];
  switch (offset % 16 / 4) {
    case 0: return bank.watermark;
    case 1: return bank.hide;
    case 2: return bank.write_protect_a;
    default: return bank.write_protect_b;
  }
}

void Flash::write_option_register(std::uint32_t offset, std::uint32_t value) {
  if ((controllers_[0].control & kOptLock) != 0 || busy()) return;
  switch (offset) {
    case kOptr: shadow_.optr = value; return;
    case kNsBootAdd0r: shadow_.nonsecure_boot0 = value; return;
    case kNsBootAdd1r: shadow_.nonsecure_boot1 = value; return;
    case kSecBootAdd0r: shadow_.secure_boot = value; return;
    default: break;
  }
  if (offset >= kOem1Keyr1) {
    const std::uint32_t word = (offset - kOem1Keyr1) / 4;
    (word < 2 ? shadow_.oem1_key : shadow_.oem2_key)[word % 2] = value;
    return;
  }
  const unsigned index = (offset - kSecWm1r1) / 16;
  BankOptions& bank = shadow_.bank[index];
  // A closed hide-protection area freezes its own borders (RM0456 7.5.3).
  const bool frozen = (hide_closed_ >> index & 1) != 0;
  switch (offset % 16 / 4) {
    case 0:
      if (!frozen) bank.watermark = value;
      break;
    case 1:
      if (!frozen) bank.hide = value;
      break;
    case 2: bank.write_protect_a = value; break;
    default: bank.write_protect_b = value; break;
  }
}

void Flash::start_options() {
  const OptionBytes next = shadow_;
  if (!acceptable(next)) {
    shadow_ = cells_.options();
    controllers_[0].status |= kOptwErr;
    update_interrupts();
    return;
  }
  if (regresses_to(optr::kRdpLevel0, active_, next)) {
    erase_now({.operation = FlashOperation::MassErase, .address = 0, .size = kFlashSize, .data = {}});
    ports_.wipe_memories();
  } else if (regresses_to(optr::kRdpLevel0_5, active_, next)) {
    erase_outside_watermarks();
    ports_.wipe_memories();
  }
  cells_.begin_options(next);
  operation_secure_ = false;
  controllers_[0].control |= kOptStrt;
  busy_until_ = ports_.scheduler.now() + timing.options;
  finished_.at(busy_until_);
  ports_.permissions_changed();
}

void Flash::erase_now(const FlashJob& job) {
  cells_.begin(job);
  cells_.complete();
  ports_.cells_changed(job.address, job.size);
}

/// The partial mass erase: a page that only its block security makes secure goes too.
void Flash::erase_outside_watermarks() {
  for (unsigned page = 0; page < kFlashSize / kFlashPageSize; ++page) {
    const unsigned bank = page / kFlashPagesPerBank;
    if (active_.secure_pages(bank).contains(page % kFlashPagesPerBank)) continue;
    erase_now({.operation = FlashOperation::PageErase,
               .address = page * kFlashPageSize,
               .size = kFlashPageSize,
               .data = {}});
  }
}

/// The conditions of OPTWERR (RM0456 7.3.9 and 7.6.2), but for those of registers that are not written at
/// all.
bool Flash::acceptable(const OptionBytes& next) const {
  const OptionBytes& now = active_;
  if (!protection_allows(now, next)) return false;
  if (now.rdp() == optr::kRdpLevel2) return true;
  if (!keys_allow(now, next) || !trustzone_allows(now, next) || !boot_lock_allows(now, next)) return false;
  const bool reopened = regresses_to(optr::kRdpLevel0, now, next);
  for (unsigned bank = 0; bank < 2; ++bank) {
    if (!hide_inside_watermark(next, bank)) return false;
    const BankOptions& from = now.bank[bank];
    const BankOptions& to = next.bank[bank];
    if (!reopened && !(write_protection_kept(from.write_protect_a, to.write_protect_a) &&
                       write_protection_kept(from.write_protect_b, to.write_protect_b))) {
      return false;
    }
  }
  return true;
}

void Flash::load_options() {
  active_ = cells_.options();
  shadow_ = active_;
}

}  // namespace microvisor::board
