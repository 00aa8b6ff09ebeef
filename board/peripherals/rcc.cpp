#include "board/peripherals/rcc.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::board {
namespace {

using namespace rcc;

// RCC_CR
constexpr unsigned kMsisOn = 0, kMsikKeptOn = 1, kMsisReady = 2, kMsikOn = 4, kMsikReady = 5, kHsiOn = 8,
                   kHsiKeptOn = 9, kHsiReady = 10, kHsi48On = 12, kHsi48Ready = 13, kShsiOn = 14,
                   kShsiReady = 15, kHseOn = 16, kHseReady = 17, kCssOn = 19, kPll1On = 24;
// RCC_BDCR
constexpr unsigned kLseOn = 0, kLseReady = 1, kLseSysOn = 7, kLseSysReady = 11, kRtcEnable = 15,
                   kBackupReset = 16, kLsiOn = 26, kLsiReady = 27, kLsiDivided = 28;
constexpr std::uint32_t kRtcSelect = field(9, 8);
constexpr std::uint32_t kLsiBits = field(28, 26);

constexpr std::uint32_t kHsiHertz = 16'000'000;
constexpr std::uint32_t kLsiHertz = 32'000;
constexpr std::uint32_t kRemoveFlags = bit(23);
constexpr std::uint32_t kResetFlags = field(31, 25);

constexpr unsigned kRccLine = 9;
constexpr unsigned kRccSecureLine = 10;

std::uint32_t ahb_divider(std::uint32_t code) {
  constexpr std::uint32_t kDividers[8] = {2, 4, 8, 16, 64, 128, 256, 512};
  return code < 8 ? 1 : kDividers[code - 8];
}

std::uint32_t apb_divider(std::uint32_t code) { return code < 4 ? 1 : 2U << (code - 4); }

std::uint32_t flag_of(ResetCause cause) {
  switch (cause) {
    case ResetCause::PowerOn: return bit(27);
    case ResetCause::Pin: return 0;
    case ResetCause::Software: return bit(28);
    case ResetCause::IndependentWatchdog: return bit(29);
    case ResetCause::WindowWatchdog: return bit(30);
    case ResetCause::OptionLoad: return bit(25);
    case ResetCause::LowPower: return bit(31);
    case ResetCause::Standby: return 0;
  }
  return 0;
}

/// Memories and the security hardware itself: their clock and reset bits are for secure code as soon as any
/// part of them is secure (RM0456 11.5.1), which holds on every chip that runs this way.
bool secure_only(const ChipBlock& block) {
  return block.guard == Guard::Memory || block.base == kFlashRegisters || block.base == kTzsc1 ||
         block.base == kTzsc2 || block.base == kBackupSram;
}

/// SECCFGR bits by the flag position in CIER, CIFR and CICR.
constexpr std::uint8_t kGuardOfFlag[13] = {3, 4, 2, 0, 1, 11, 7, 8, 9, 0, 1, 2, 0};

}  // namespace

Rcc::Rcc(Scheduler& scheduler, InterruptSink& interrupts, std::uint32_t& bdcr, Board board, Hooks hooks)
    : scheduler_(scheduler),
      line_{&interrupts, kRccLine},
      secure_line_{&interrupts, kRccSecureLine},
      bdcr_(bdcr),
      board_(board),
      hooks_(std::move(hooks)) {
  for (const ChipBlock& block : chip_blocks()) {
    if (block.enable.exists()) gate_of_.emplace(block.base, &block);
  }
  for (const Selector& selector : selectors()) selector_of_.emplace(selector.base, &selector);
  for (const Autonomous& block : autonomous_blocks()) autonomous_.emplace(block.base, &block);
  for (const Register& entry : registers()) at(entry.offset) = entry.reset;
  settle();
}

// --- state
// --------------------------------------------------------------------------------------------------------

void Rcc::reset(Reset kind) {
  // The flags outlive everything but power; the MSI ranges are for the start after Standby (RM0456 11.8.50).
  const std::uint32_t kept = kind == Reset::PowerOn ? 0 : kind == Reset::System ? kResetFlags : ~0U;
  const std::uint32_t csr = at(kCsr) & kept;
  for (const Register& entry : registers()) at(entry.offset) = entry.reset;
  assign(at(kCsr), csr, kept);
  if (kind != Reset::Standby) lsi_forced_ = false;
  mode_ = PowerMode::Run;
  settle();
  update_interrupts();
}

void Rcc::note_reset(ResetCause cause) {
  // After power-on the reset value of CSR has BORRSTF and PINRSTF; the end of Standby leaves no trace here.
  if (cause == ResetCause::PowerOn || cause == ResetCause::Standby) return;
  at(kCsr) |= flag_of(cause) | bit(26);
}

void Rcc::serialise(Archive& archive) {
  archive(words_, bdcr_, lsi_forced_, mode_);
  if (archive.loading()) settle();
}

std::uint32_t Rcc::peek(std::uint32_t offset) const {
  if (offset >= kEnd) return 0;
  return (offset & ~3U) == kBdcr ? bdcr_ : at(offset);
}

// --- who may see and change what
// ------------------------------------------------------------------------------------

std::uint32_t Rcc::secure_bits(std::uint32_t offset) const {
  std::uint32_t secured = 0;
  const std::uint32_t seccfgr = at(kSeccfgr);
  for (const GuardedBits& guard : guards()) {
    if (guard.offset == offset && test(seccfgr, guard.bit)) secured |= guard.mask;
  }
  for (const ChipBlock& block : chip_blocks()) {
    const bool secure = secure_only(block) || (hooks_.secure_block && hooks_.secure_block(block.base));
    if (!secure) continue;
    if (block.enable.exists() &&
        (block.enable.offset == offset || block.enable.offset + kSleepAboveEnable == offset)) {
      secured |= bit(block.enable.bit);
    }
    if (block.reset.exists() && block.reset.offset == offset) secured |= bit(block.reset.bit);
  }
  for (const Selector& selector : selectors()) {
    if (selector.offset == offset && hooks_.secure_block && hooks_.secure_block(selector.base)) {
      secured |= ((1U << selector.width) - 1) << selector.shift;
    }
  }
  if (offset == kBdcr && hooks_.secure_block && hooks_.secure_block(0x4600'7800)) {
    secured |= kRtcSelect | bit(kRtcEnable) | bit(kBackupReset) | field(25, 24);
  }
  return secured;
}

std::uint32_t Rcc::visible(std::uint32_t offset, const Access& access) const {
  if (offset == kSeccfgr || offset == kPrivcfgr) return ~0U;
  const std::uint32_t privilege = at(kPrivcfgr);
  const bool closed_secure = !access.privileged && test(privilege, 0);
  const bool closed_nonsecure = !access.privileged && test(privilege, 1);
  if (access.secure && !closed_secure && !closed_nonsecure) return ~0U;
  const std::uint32_t secured = secure_bits(offset);
  std::uint32_t result = 0;
  if (access.secure && !closed_secure) result |= secured;
  if (!closed_nonsecure) result |= ~secured;
  return result;
}

std::uint32_t Rcc::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  return offset >= kEnd ? 0 : peek(offset) & visible(offset, access);
}

void Rcc::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  const auto entry = std::ranges::find_if(registers(), [&](const Register& r) { return r.offset == offset; });
  if (entry == registers().end()) return;
  if (offset == kSeccfgr) return store_seccfgr(value, lanes, access);
  if (offset == kPrivcfgr) return store_privcfgr(value, lanes, access);
  const std::uint32_t open = lanes & visible(offset, access);
  const std::uint32_t mask = open & entry->writable;
  switch (offset) {
    case kCr: store_cr(value, mask); break;
    case kIcscr1:
      assign(at(offset), value | (at(offset) & bit(23)), mask);
      break;  // MSIRGSEL is cleared by reset only
    case kPll1Cfgr:
    case kPll2Cfgr:
    case kPll3Cfgr:
    case kPll1Divr:
    case kPll2Divr:
    case kPll3Divr: store_pll_config(offset, value, mask); break;
    case kCicr: at(kCifr) &= ~(value & open); break;
    case kBdcr: store_bdcr(value, mask); break;
    case kCsr: store_csr(value, open); break;
    default:
      if (offset >= kAhb1Rstr && offset < kAhb1Enr) {
        store_reset(offset, value, mask);
      } else if (offset >= kAhb1Enr && offset <= kApb3Enr) {
        store_enable(offset, value, mask);
      } else {
        assign(at(offset), value, mask);
      }
  }
  settle();
  update_interrupts();
}

void Rcc::store_enable(std::uint32_t offset, std::uint32_t value, std::uint32_t mask) {
  constexpr std::uint32_t kWwdgEn = bit(11);  // set-only
  const std::uint32_t before = at(offset);
  assign(at(offset), value, mask);
  if (offset == kApb1Enr1) at(offset) |= before & kWwdgEn;
  if (at(offset) != before && hooks_.gates_changed) hooks_.gates_changed();
}

void Rcc::store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (!access.secure) {
    if (hooks_.report_illegal_access) hooks_.report_illegal_access();
    return;
  }
  if (!access.privileged && test(at(kPrivcfgr), 0)) return;
  assign(at(kSeccfgr), value, mask & 0x1FFF);
  update_interrupts();
}

void Rcc::store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (!access.privileged) return;
  assign(at(kPrivcfgr), value, mask & (access.secure ? 0x3 : 0x2));
}

// --- registers with rules of their own
// ----------------------------------------------------------------------------

/// CR bits of oscillators that the system clock stands on: they ignore being switched off (RM0456 11.8.1).
std::uint32_t Rcc::oscillators_in_use() const {
  const auto on_bit = [](std::uint32_t source) {
    constexpr std::uint32_t kOn[4] = {bit(kMsisOn), bit(kHsiOn), bit(kHseOn), bit(kPll1On)};
    return kOn[source];
  };
  const std::uint32_t switched = bits(at(kCfgr1), 3, 2);
  std::uint32_t in_use = on_bit(switched);
  if (switched == 3) {
    const std::uint32_t source = bits(at(kPll1Cfgr), 1, 0);
    if (source != 0) in_use |= on_bit(source - 1);
  }
  return in_use;
}

void Rcc::store_cr(std::uint32_t value, std::uint32_t mask) {
  const std::uint32_t kept = at(kCr) & (oscillators_in_use() | bit(kCssOn));
  assign(at(kCr), value | kept, mask);
}

/// M, N, P, Q, R and the source can be written only while the PLL is off (RM0456 11.8.10).
void Rcc::store_pll_config(std::uint32_t offset, std::uint32_t value, std::uint32_t mask) {
  const bool is_config = offset <= kPll3Cfgr;
  const unsigned index = is_config ? (offset - kPll1Cfgr) / 4 : (offset - kPll1Divr) / 8;
  if (test(at(kCr), kPll1On + 2 * index)) mask &= is_config ? ~(field(1, 0) | field(11, 8)) : 0;
  assign(at(offset), value, mask);
}

void Rcc::store_reset(std::uint32_t offset, std::uint32_t value, std::uint32_t mask) {
  const std::uint32_t before = at(offset);
  assign(at(offset), value, mask);
  const std::uint32_t risen = at(offset) & ~before;
  for (const ChipBlock& block : chip_blocks()) {
    if (block.reset.exists() && block.reset.offset == offset && test(risen, block.reset.bit) &&
        hooks_.reset_block) {
      hooks_.reset_block(block.base);
    }
  }
}

void Rcc::store_bdcr(std::uint32_t value, std::uint32_t mask) {
  if (hooks_.backup_writable && !hooks_.backup_writable()) return;
  if ((bdcr_ & kRtcSelect) != 0) mask &= ~kRtcSelect;  // write-once until BDRST
  assign(bdcr_, value, mask);
  if (!test(bdcr_, kBackupReset)) return;
  const bool starts = (mask & bit(kBackupReset)) != 0;
  bdcr_ &= kLsiBits | bit(kBackupReset);
  if (starts && hooks_.reset_backup_domain) hooks_.reset_backup_domain();
}

void Rcc::store_csr(std::uint32_t value, std::uint32_t mask) {
  if (test(at(kIcscr1), 23)) assign(at(kCsr), value, mask & field(15, 8));  // ranges: only with MSIRGSEL set
  if ((value & mask & kRemoveFlags) != 0) at(kCsr) &= ~kResetFlags;
}

void Rcc::force_lsi(bool on) {
  lsi_forced_ = on;
  settle();
}

// --- Stop modes
// ----------------------------------------------------------------------------------------------------

void Rcc::set_power_mode(PowerMode mode) {
  if (mode == mode_) return;
  const bool was_stopped = stopped();
  mode_ = mode;
  if (stopped() && !was_stopped) stop_oscillators();
  if (stopped() || was_stopped || sleep_shuts_a_gate()) settle();
}

bool Rcc::sleep_shuts_a_gate() const {
  return std::ranges::any_of(kEnableRegisters, [this](std::uint32_t offset) {
    return (at(offset) & ~at(offset + kSleepAboveEnable)) != 0;
  });
}

void Rcc::stop_oscillators() {
  const bool hsi = test(at(kCfgr1), 4);         // STOPWUCK
  const bool kernel_hsi = test(at(kCfgr1), 5);  // STOPKERWUCK
  at(kCfgr1) &= ~field(3, 0);
  if (hsi) at(kCfgr1) |= 0x5;
  at(kCr) &= ~(bit(kMsikOn) | bit(kHsiOn) | bit(kHsi48On) | bit(kShsiOn) | bit(kHseOn) | bit(kPll1On) |
               bit(kPll1On + 2) | bit(kPll1On + 4));
  at(kCr) |= hsi ? bit(kHsiOn) : bit(kMsisOn);
  at(kCr) |= kernel_hsi ? bit(kHsiOn) : bit(kMsikOn);
}

// --- consequences
// ---------------------------------------------------------------------------------------------------

void Rcc::set_ready(std::uint32_t offset, unsigned ready_bit, bool ready, unsigned flag) {
  std::uint32_t& word = offset == kBdcr ? bdcr_ : at(offset);
  if (ready && !test(word, ready_bit)) at(kCifr) |= bit(flag);
  assign(word, ready ? ~0U : 0, bit(ready_bit));
}

void Rcc::settle_ready_flags() {
  const std::uint32_t cr = at(kCr);
  set_ready(kCr, kMsisReady, test(cr, kMsisOn), 2);
  set_ready(kCr, kMsikReady, test(cr, kMsikOn), 11);
  set_ready(kCr, kHsiReady, test(cr, kHsiOn), 3);
  set_ready(kCr, kHsi48Ready, test(cr, kHsi48On), 5);
  set_ready(kCr, kShsiReady, test(cr, kShsiOn), 12);
  set_ready(kCr, kHseReady, test(cr, kHseOn) && board_.hse_hertz != 0, 4);
  for (unsigned pll = 0; pll < 3; ++pll) {
    const std::uint32_t source = bits(at(kPll1Cfgr + 4 * pll), 1, 0);
    constexpr unsigned kReadyOf[4] = {0, kMsisReady, kHsiReady, kHseReady};
    const bool fed = source != 0 && test(at(kCr), kReadyOf[source]);
    set_ready(kCr, kPll1On + 2 * pll + 1, test(cr, kPll1On + 2 * pll) && fed, 6 + pll);
  }
  set_ready(kBdcr, kLseReady, test(bdcr_, kLseOn) && board_.lse_hertz != 0, 1);
  set_ready(kBdcr, kLsiReady, test(bdcr_, kLsiOn) || lsi_forced_, 0);
  assign(bdcr_, test(bdcr_, kLseSysOn) && test(bdcr_, kLseReady) ? ~0U : 0, bit(kLseSysReady));
}

void Rcc::settle() {
  settle_ready_flags();
  const std::uint32_t wanted = bits(at(kCfgr1), 1, 0);
  constexpr unsigned kReadyOf[4] = {kMsisReady, kHsiReady, kHseReady, kPll1On + 1};
  const bool pll_output = wanted != 3 || pll_hertz(0, 'R') != 0;
  if (test(at(kCr), kReadyOf[wanted]) && pll_output) assign(at(kCfgr1), wanted << 2, field(3, 2));
  settle_frequencies();
}

void Rcc::settle_frequencies() {
  const std::uint32_t clock = std::max(sysclk(), 1U);
  const std::uint32_t hclk = std::max(clock / ahb_divider(bits(at(kCfgr2), 3, 0)), 1U);
  const std::array<std::uint32_t, 3> pclk = {hclk / apb_divider(bits(at(kCfgr2), 6, 4)),
                                             hclk / apb_divider(bits(at(kCfgr2), 10, 8)),
                                             hclk / apb_divider(bits(at(kCfgr3), 6, 4))};
  if (hclk != hclk_) {
    scheduler_.set_instruction_ticks(static_cast<std::uint32_t>((kTicksPerSecond + hclk / 2) / hclk));
  }
  sysclk_ = clock;
  hclk_ = hclk;
  pclk_ = pclk;
  for (const auto& listener : listeners_) listener();
}

void Rcc::update_interrupts() {
  const std::uint32_t pending = at(kCifr) & at(kCier);
  std::uint32_t secure_flags = 0;
  for (unsigned flag = 0; flag < std::size(kGuardOfFlag); ++flag) {
    if (test(at(kSeccfgr), kGuardOfFlag[flag])) secure_flags |= bit(flag);
  }
  line_.set((pending & ~secure_flags) != 0);
  secure_line_.set((pending & secure_flags) != 0);
}

// --- frequencies
// ----------------------------------------------------------------------------------------------------

std::uint32_t Rcc::msis_hertz() const {
  const bool own = test(at(kIcscr1), 23);
  return kMsiHertz[own ? bits(at(kIcscr1), 31, 28) : bits(at(kCsr), 15, 12)];
}

std::uint32_t Rcc::msik_hertz() const {
  if (!test(at(kCr), kMsikOn) && !stopped()) return 0;
  const bool own = test(at(kIcscr1), 23);
  return kMsiHertz[own ? bits(at(kIcscr1), 27, 24) : bits(at(kCsr), 11, 8)];
}

std::uint32_t Rcc::pll_hertz(unsigned index, char output) const {
  const std::uint32_t config = at(kPll1Cfgr + 4 * index);
  const std::uint32_t divider = at(kPll1Divr + 8 * index);
  if (!test(at(kCr), kPll1On + 2 * index + 1)) return 0;
  const unsigned enable = output == 'P' ? 16 : output == 'Q' ? 17 : 18;
  if (!test(config, enable)) return 0;
  constexpr Source kInputs[4] = {Source::None, Source::None, Source::Hsi16, Source::Hse};
  const std::uint32_t source = bits(config, 1, 0);
  const std::uint64_t input = source == 1 ? msis_hertz() : source_hertz(kInputs[source]);
  const std::uint64_t multiplier = (bits(divider, 8, 0) + 1) * std::uint64_t{8192} +
                                   (test(config, 4) ? bits(at(kPll1Fracr + 8 * index), 15, 3) : 0);
  const std::uint32_t post = output == 'P'   ? bits(divider, 15, 9) + 1
                             : output == 'Q' ? bits(divider, 22, 16) + 1
                                             : bits(divider, 30, 24) + 1;
  return static_cast<std::uint32_t>(input * multiplier /
                                    (std::uint64_t{8192} * (bits(config, 11, 8) + 1) * post));
}

std::uint32_t Rcc::timer_clock(unsigned apb) const { return pclk_[apb] == hclk_ ? hclk_ : 2 * pclk_[apb]; }

std::uint32_t Rcc::sysclk() const {
  switch (bits(at(kCfgr1), 3, 2)) {
    case 0: return msis_hertz();
    case 1: return kHsiHertz;
    case 2: return board_.hse_hertz;
    default: return pll_hertz(0, 'R');
  }
}

std::uint32_t Rcc::source_hertz(Source source) const {
  const std::uint32_t cr = at(kCr);
  switch (source) {
    case Source::None: return 0;
    case Source::Hclk: return hclk_;
    case Source::HclkEighth: return hclk_ / 8;
    case Source::Sysclk: return sysclk_;
    case Source::Pclk1: return pclk_[0];
    case Source::Pclk2: return pclk_[1];
    case Source::Pclk3: return pclk_[2];
    case Source::TimersApb1: return timer_clock(0);
    case Source::TimersApb2: return timer_clock(1);
    case Source::Hsi16: return test(cr, kHsiReady) || stopped() ? kHsiHertz : 0;
    case Source::Hsi48: return test(cr, kHsi48Ready) ? 48'000'000 : 0;
    case Source::Hsi48Half: return test(cr, kHsi48Ready) ? 24'000'000 : 0;
    case Source::Hse: return test(cr, kHseReady) ? board_.hse_hertz : 0;
    case Source::Lse: return test(bdcr_, kLseReady) ? board_.lse_hertz : 0;
    case Source::Lsi:
      return test(bdcr_, kLsiReady) ? (test(bdcr_, kLsiDivided) ? kLsiHertz / 128 : kLsiHertz) : 0;
    case Source::Msik: return msik_hertz();
    case Source::Pll1Q: return pll_hertz(0, 'Q');
    case Source::Pll2Q: return pll_hertz(1, 'Q');
    case Source::Pll2R: return pll_hertz(1, 'R');
    case Source::Shsi: return test(cr, kShsiReady) ? 48'000'000 : 0;
    case Source::ShsiHalf: return test(cr, kShsiReady) ? 24'000'000 : 0;
  }
  return 0;
}

std::uint32_t Rcc::kernel_clock(std::uint32_t base) const {
  const auto found = selector_of_.find(base);
  if (found == selector_of_.end()) return hclk_;
  const Selector& selector = *found->second;
  const std::uint32_t word = selector.offset == kBdcr  ? bdcr_
                             : selector.offset == kEnd ? 0
                                                       : at(selector.offset);
  const std::uint32_t code = (word >> selector.shift) & ((1U << selector.width) - 1);
  const Source source = code < std::size(selector.sources) ? selector.sources[code] : Source::None;
  if (selector.offset != kBdcr) {
    if (!enabled(base)) return 0;
    // LSE is for RTC and TAMP alone until LSESYSEN lets it out (RM0456 11.8.49).
    if (source == Source::Lse && !test(bdcr_, kLseSysReady)) return 0;
    return stopped() ? source_in_stop(source, base) : source_hertz(source);
  }
  const std::uint32_t hertz = source_hertz(source);
  if (!test(bdcr_, kRtcEnable)) return 0;
  return code == 3 ? hertz / 32 : hertz;  // HSE comes to the RTC divided by 32 (RM0456 RCC_BDCR.RTCSEL)
}

bool Rcc::enabled(std::uint32_t base) const {
  const auto found = gate_of_.find(base);
  if (found == gate_of_.end()) return true;
  const RccBit gate = found->second->enable;
  if (!test(at(gate.offset), gate.bit)) return false;
  if (mode_ == PowerMode::Run) return true;
  if (!test(at(gate.offset + kSleepAboveEnable), gate.bit)) return false;
  if (mode_ == PowerMode::Sleep) return true;
  // In Stop modes a clock is there for those who ask, and then for the others of the domain too (11.4.24).
  const auto row = autonomous_.find(base);
  const std::uint8_t mode_bit = row == autonomous_.end() ? kCpuDomain : row->second->mode_bit;
  if (mode_bit != kCpuDomain) return mode_ <= PowerMode::Stop2 && test(at(kSrdamr), mode_bit);
  return mode_ <= (base >> 24 == 0x46 ? PowerMode::Stop2 : PowerMode::Stop1);
}

std::uint32_t Rcc::source_in_stop(Source source, std::uint32_t base) const {
  const auto row = autonomous_.find(base);
  const bool has_kernel_clock = row != autonomous_.end() && row->second->role != Autonomous::Role::Listens;
  if (!has_kernel_clock) return 0;
  switch (source) {
    case Source::Lse:
    case Source::Lsi: return source_hertz(source);
    case Source::Hsi16:
    case Source::Msik: break;
    default: return 0;
  }
  const bool kept = test(at(kCr), source == Source::Hsi16 ? kHsiKeptOn : kMsikKeptOn);
  return kept || row->second->role == Autonomous::Role::Asks ? source_hertz(source) : 0;
}

}  // namespace microvisor::board
