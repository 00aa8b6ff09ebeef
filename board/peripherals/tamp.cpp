#include "board/peripherals/tamp.hpp"

#include <utility>

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kCr3 = 0x08,
  kFltcr = 0x0C,
  kAtcr1 = 0x10,
  kAtseedr = 0x14,
  kAtor = 0x18,
  kAtcr2 = 0x1C,
  kSeccfgr = 0x20,
  kPrivcfgr = 0x24,
  kIer = 0x2C,
  kSr = 0x30,
  kMisr = 0x34,
  kSmisr = 0x38,
  kScr = 0x3C,
  kCountr = 0x40,
  kErcfgr = 0x54,
  kBackup = 0x100,
  kEnd = 0x180,
};

constexpr unsigned kLine = 4;
constexpr unsigned kCounterSecure = 15, kBootKeyLock = 30, kTamperSecure = 31;
constexpr unsigned kCounterPrivileged = 15, kReadWritePrivileged = 29, kWritePrivileged = 30,
                   kTamperPrivileged = 31;
constexpr unsigned kBlockBackup = 22, kEraseBackup = 23;
constexpr std::uint32_t kInitialised = bit(15);  // ATOR.INITS
constexpr unsigned kSeedWords = 4;

constexpr bool is_backup(std::uint32_t offset) { return offset >= kBackup && offset < kEnd; }

}  // namespace

Tamp::Tamp(InterruptSink& interrupts, TampState& state, Hooks hooks)
    : line_{&interrupts, kLine}, state_(state), hooks_(std::move(hooks)) {}

void Tamp::reset(Reset) { update(); }

void Tamp::serialise(Archive& archive) {
  archive(state_);
  if (archive.loading()) update();
}

void Tamp::reset_backup_domain() {
  state_ = TampState{};
  update();
}

// --- who may do what
// -------------------------------------------------------------------------------------------------

bool Tamp::readable(std::uint32_t offset, const Access& access) const {
  if (offset == kSeccfgr || offset == kPrivcfgr || offset == kMisr) return true;
  if (is_backup(offset)) {
    const std::uint32_t index = (offset - kBackup) / 4;
    const bool first_zone = index < bits(state_.seccfgr, 7, 0);
    if (first_zone && !access.secure) return false;
    return !(first_zone && test(state_.privcfgr, kReadWritePrivileged) && !access.privileged);
  }
  const bool counter = offset == kCountr;
  if (!access.secure && test(state_.seccfgr, counter ? kCounterSecure : kTamperSecure)) return false;
  return access.privileged || !test(state_.privcfgr, counter ? kCounterPrivileged : kTamperPrivileged);
}

bool Tamp::changeable(std::uint32_t offset, const Access& access) const {
  if (offset == kSeccfgr) return access.secure;
  if (offset == kPrivcfgr)
    return access.privileged && (access.secure || !test(state_.seccfgr, kTamperSecure));
  if (!is_backup(offset)) return readable(offset, access);
  const std::uint32_t index = (offset - kBackup) / 4;
  if (index < bits(state_.seccfgr, 7, 0)) return readable(offset, access);
  if (index >= bits(state_.seccfgr, 23, 16)) return true;
  return access.secure && (access.privileged || !test(state_.privcfgr, kWritePrivileged));
}

/// A tamper flag that has erased, or software, holds the backup registers.
bool Tamp::blocked() const {
  const std::uint32_t kept = (state_.cr2 & 0xFF) | ((state_.cr3 & 0x1FFF) << 16);
  return (state_.sr & ~kept) != 0 || test(state_.cr2, kBlockBackup);
}

// --- registers
// ---------------------------------------------------------------------------------------------------------

std::uint32_t* Tamp::plain(std::uint32_t offset) {
  switch (offset) {
    case kCr1: return &state_.cr1;
    case kCr3: return &state_.cr3;
    case kFltcr: return &state_.fltcr;
    case kAtcr1: return &state_.atcr1;
    case kAtcr2: return &state_.atcr2;
    case kPrivcfgr: return &state_.privcfgr;
    case kIer: return &state_.ier;
    case kErcfgr: return &state_.erase_config;
    default: return nullptr;
  }
}

std::uint32_t Tamp::peek(std::uint32_t offset) const {
  offset &= ~3U;
  const std::uint32_t pending = state_.sr & state_.ier;
  const bool secure = test(state_.seccfgr, kTamperSecure);
  if (is_backup(offset)) return blocked() ? 0 : state_.backup[(offset - kBackup) / 4];
  switch (offset) {
    case kCr1: return state_.cr1;
    case kCr2: return state_.cr2;
    case kCr3: return state_.cr3;
    case kFltcr: return state_.fltcr;
    case kAtcr1: return state_.atcr1;
    case kAtor: return state_.ator;
    case kAtcr2: return state_.atcr2;
    case kSeccfgr: return state_.seccfgr;
    case kPrivcfgr: return state_.privcfgr;
    case kIer: return state_.ier;
    case kSr: return state_.sr;
    case kMisr: return secure ? 0 : pending;
    case kSmisr: return secure ? pending : 0;
    case kCountr: return state_.counter;
    case kErcfgr: return state_.erase_config;
    default: return 0;
  }
}

std::uint32_t Tamp::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  if (readable(offset, access)) {
    const bool boot_key = is_backup(offset) && offset < kBackup + 32;
    if (boot_key && access.secure && hooks_.boot_key_read) {
      hooks_.boot_key_read((offset - kBackup) / 4, peek(offset));
    }
    // The boot hardware key is for SAES only once it is locked.
    return boot_key && test(state_.seccfgr, kBootKeyLock) ? 0 : peek(offset);
  }
  if (!access.secure && hooks_.report_illegal_access) hooks_.report_illegal_access();
  return 0;
}

void Tamp::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (!changeable(offset, access)) {
    if (!access.secure && hooks_.report_illegal_access) hooks_.report_illegal_access();
    return;
  }
  if (hooks_.writable && !hooks_.writable()) return;
  if (std::uint32_t* word = plain(offset); word != nullptr) assign(*word, value, lanes);
  if (is_backup(offset) && !blocked()) assign(state_.backup[(offset - kBackup) / 4], value, lanes);
  switch (offset) {
    case kCr2:
      assign(state_.cr2, value, lanes & ~bit(kEraseBackup));
      if (test(value & lanes, kEraseBackup)) erase();
      break;
    case kAtseedr:
      if ((state_.atcr1 & 0xFF) != 0 && ++state_.seeds >= kSeedWords) state_.ator |= kInitialised;
      break;
    case kAtcr1:
      if ((state_.atcr1 & 0xFF) == 0) state_.ator = state_.seeds = 0;
      break;
    case kSeccfgr: store_seccfgr(value, lanes); break;
    case kScr: state_.sr &= ~(value & lanes); break;
    case kCountr:
      if (state_.counter != ~0U) ++state_.counter;
      break;
    default: break;
  }
  update();
}

void Tamp::store_seccfgr(std::uint32_t value, std::uint32_t lanes) {
  const std::uint32_t locked = state_.seccfgr & bit(kBootKeyLock);
  assign(state_.seccfgr, value, lanes & 0xC0FF'80FF);
  state_.seccfgr |= locked;
}

void Tamp::internal_event(unsigned number) {
  const unsigned flag = 15 + number;
  if (!test(state_.cr1, flag)) return;
  state_.sr |= bit(flag);
  if (!test(state_.cr3, number - 1)) erase();
  update();
}

void Tamp::erase() {
  erase_backup_registers();
  if (hooks_.erase_memories) hooks_.erase_memories();
}

void Tamp::update() {
  const bool event = (state_.sr & state_.ier) != 0;
  line_.set(event);
  if (event != std::exchange(event_, event) && hooks_.event) hooks_.event(event);
}

}  // namespace microvisor::board
