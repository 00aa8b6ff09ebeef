#include "board/peripherals/rng.hpp"

#include <bit>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t { kCr = 0x00, kSr = 0x04, kDr = 0x08, kNscr = 0x0C, kHtcr = 0x10 };

constexpr unsigned kEnable = 2, kInterruptEnable = 3, kClockErrorDisable = 5, kConditionReset = 30,
                   kConfigLock = 31;
/// Bits that take effect only together with CONDRST and never after CONFIGLOCK (RM0456 48.7.1).
constexpr std::uint32_t kConfiguration = bit(5) | bit(7) | field(25, 8);
constexpr std::uint32_t kDrdy = bit(0), kCecs = bit(1), kSecs = bit(2), kCeis = bit(5), kSeis = bit(6);
constexpr std::uint32_t kHtcrReset = 0x0000'6274;
constexpr std::uint32_t kHtcrMagic = 0x1759'0ABC;
constexpr unsigned kLine = 94;
/// RNG clocks for a conditioned block of four words (RM0456 48.3.5: initialisation and 214 more in the NIST
/// set-up).
constexpr std::uint64_t kClocksPerBlock = 412;

void quarter_round(std::array<std::uint32_t, 16>& s, unsigned a, unsigned b, unsigned c, unsigned d) {
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 7);
}

/// One ChaCha20 block (RFC 8439 section 2.3) whose key is the seed.
std::array<std::uint32_t, 16> chacha_block(const std::array<std::uint32_t, 2>& seed, std::uint64_t counter) {
  std::array<std::uint32_t, 16> initial = {0x6170'7865, 0x3320'646E, 0x7962'2D32,
                                           0x6B20'6574, seed[0],     seed[1]};
  initial[12] = static_cast<std::uint32_t>(counter);
  initial[13] = static_cast<std::uint32_t>(counter >> 32);
  auto state = initial;
  for (int round = 0; round < 10; ++round) {
    quarter_round(state, 0, 4, 8, 12);
    quarter_round(state, 1, 5, 9, 13);
    quarter_round(state, 2, 6, 10, 14);
    quarter_round(state, 3, 7, 11, 15);
    quarter_round(state, 0, 5, 10, 15);
    quarter_round(state, 1, 6, 11, 12);
    quarter_round(state, 2, 7, 8, 13);
    quarter_round(state, 3, 4, 9, 14);
  }
  for (unsigned i = 0; i < 16; ++i) state[i] += initial[i];
  return state;
}

}  // namespace

Rng::Rng(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, std::uint64_t seed,
         std::uint64_t& position)
    : clocks_(clocks),
      line_{&interrupts, kLine},
      seed_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      htcr_(kHtcrReset),
      position_(position),
      event_(scheduler, [this] { block_ready(); }) {
  clocks_.on_change([this] {
    check_clock();
    schedule();
    update();
  });
}

void Rng::reset(Reset) {
  cr_ = sr_ = nscr_ = 0;
  htcr_ = kHtcrReset;
  ready_ = 0;
  event_.cancel();
  update();
}

void Rng::serialise(Archive& archive) {
  archive(cr_, sr_, htcr_, nscr_, words_, ready_, stream_, used_, position_, seed_);
  serialise_event(archive, event_);
  if (archive.loading()) update();
}

std::uint32_t Rng::noise() {
  for (;;) {
    if (used_ == stream_.size()) {
      stream_ = chacha_block(seed_, position_++);
      used_ = 0;
    }
    // Zero is what DR gives when it has nothing; valid words are never zero.
    if (const std::uint32_t word = stream_[used_++]; word != 0) return word;
  }
}

std::uint32_t Rng::status() const { return sr_ | (ready_ != 0 ? kDrdy : 0); }

std::uint32_t Rng::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr: return cr_;
    case kSr: return status();
    case kDr: return ready_ != 0 ? words_[ready_ - 1] : 0;
    case kNscr: return nscr_;
    case kHtcr: return htcr_;
    default: return 0;
  }
}

std::uint32_t Rng::load(std::uint32_t offset, std::uint32_t, const Access&) {
  const std::uint32_t value = peek(offset);
  if (offset == kDr && ready_ != 0) {
    if (--ready_ == 0) schedule();
    update();
  }
  return value;
}

void Rng::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  const bool locked = test(cr_, kConfigLock);
  switch (offset) {
    case kCr: store_control(value, lanes); break;
    case kSr: sr_ &= ~(kCeis | kSeis) | value | ~lanes; break;  // rc_w0
    case kNscr:
      if (!locked) assign(nscr_, value, lanes & 0x3'FFFF);
      break;
    case kHtcr:
      if (!locked && value != kHtcrMagic) assign(htcr_, value, lanes);
      break;
    default: return;
  }
  check_clock();
  schedule();
  update();
}

void Rng::store_control(std::uint32_t value, std::uint32_t lanes) {
  const bool conditioning = test(value & lanes, kConditionReset);
  std::uint32_t mask = lanes & (bit(kEnable) | bit(kInterruptEnable));
  if (conditioning && !test(cr_, kConfigLock)) mask |= lanes & kConfiguration;
  assign(cr_, value, mask);
  cr_ |= value & lanes & bit(kConfigLock);
  if (conditioning) {
    // CONDRST reads 1 until software takes it back; the reset itself is over by then.
    cr_ |= bit(kConditionReset);
    ready_ = 0;
    sr_ &= ~kSecs;
    event_.cancel();
  } else if ((lanes & bit(kConditionReset)) != 0) {
    cr_ &= ~bit(kConditionReset);
  }
  if (!test(cr_, kEnable)) {
    ready_ = 0;
    event_.cancel();
  }
}

void Rng::check_clock() {
  const bool failed = test(cr_, kEnable) && !test(cr_, kClockErrorDisable) && !clocked();
  if (failed && (sr_ & kCecs) == 0) sr_ |= kCeis;
  assign(sr_, failed ? kCecs : 0, kCecs);
}

void Rng::schedule() {
  const bool works = test(cr_, kEnable) && !test(cr_, kConditionReset) && clocked() && (sr_ & kSecs) == 0;
  if (!works) return event_.cancel();
  if (ready_ != 0 || event_.armed()) return;
  const std::uint64_t divider = std::uint64_t{1} << bits(cr_, 19, 16);
  event_.after(kClocksPerBlock * divider * kTicksPerSecond / clocks_.kernel_clock(kBase));
}

void Rng::block_ready() {
  for (std::uint32_t& word : words_) word = noise();
  ready_ = words_.size();
  update();
}

bool Rng::alive() const { return clocks_.enabled(kBase) && clocked() && (sr_ & kSecs) == 0; }

void Rng::inject_seed_error() {
  sr_ |= kSecs | kSeis;
  ready_ = 0;
  event_.cancel();
  update();
}

void Rng::update() { line_.set(test(cr_, kInterruptEnable) && (status() & (kDrdy | kCeis | kSeis)) != 0); }

}  // namespace microvisor::board
