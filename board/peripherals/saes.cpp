#include "board/peripherals/saes.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/rng.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kDpacfgr = 0x100;
constexpr std::uint32_t kDpaConfiguration = field(4, 1), kDpaLock = bit(31);
constexpr unsigned kLine = 28;
constexpr unsigned kKeyProtect = 19;
constexpr std::uint32_t kOwnBits = bit(kKeyProtect) | field(27, 26) | field(30, 28);
constexpr std::uint32_t kKeySource = field(30, 28);
constexpr std::uint32_t kTestWord = 0xA5A5'A5A5;
/// RNG clocks until the words for masking have come (RM0456 48.3.5: one conditioned block).
constexpr std::uint64_t kSeedClocks = 412;

/// Clocks for a block, short and long key (RM0456 table 483); a hardware key is fetched about as fast as a
/// key is prepared.
constexpr std::uint64_t kBlock[] = {528, 743}, kPrepareKey[] = {200, 324};

}  // namespace

Saes::Saes(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, Hooks hooks)
    : AesEngine(scheduler, clocks, {&interrupts, kLine}, kCommonBits | kOwnBits),
      hooks_(std::move(hooks)),
      seed_fetched_(scheduler, [this] {
        seeded_ = true;
        update();
      }) {
  clocks_.on_change([this] { seed(); });
}

void Saes::reset(Reset kind) {
  dpacfgr_ = 0x8;
  seeded_ = listening_ = false;
  seed_fetched_.cancel();
  AesEngine::reset(kind);
  seed();
}

void Saes::serialise(Archive& archive) {
  AesEngine::serialise(archive);
  archive(dpacfgr_, seeded_, listening_, owner_secure_, owner_privileged_, heard_, upwards_, boot_key_,
          unwrapped_words_, unwrapped_);
  serialise_event(archive, seed_fetched_);
  if (archive.loading()) {
    heard_ = std::min(heard_, kBootKeyWords);
    unwrapped_words_ = std::min(unwrapped_words_, kBootKeyWords);
  }
}

/// Fetches random numbers once after each reset, as soon as that is possible.
void Saes::seed() {
  if (seeded_) return;
  const bool possible = clocks_.enabled(kBase) && clocks_.kernel_clock(kBase) != 0 && hooks_.random_alive();
  if (!possible) return seed_fetched_.cancel();
  if (!seed_fetched_.armed()) {
    seed_fetched_.after(kSeedClocks * kTicksPerSecond / clocks_.kernel_clock(Rng::kBase));
  }
}

std::uint64_t Saes::clocks_of(Work work) const {
  const unsigned size = long_key() ? 1 : 0;
  return work == Work::Payload ? kBlock[size] : kPrepareKey[size];
}

/// The core runs on SHSI, 48 MHz. The latencies are counted in the bus clock when that is faster: some driver
/// loops give up after a number of polls that a core of one clock an instruction is through with too early.
std::uint32_t Saes::clock_hertz() const {
  const std::uint32_t own = clocks_.kernel_clock(kBase);
  return own == 0 ? 0 : std::max(own, clocks_.hclk());
}

// --- registers

void Saes::guard(const Access& access) {
  const bool guarded =
      test(cr_, kKeyProtect) || source() != Source::Registers || key_mode() != KeyMode::Normal;
  if (!key_valid_ || !guarded || access.secure == owner_secure_) return;
  erase_key();
  raise(kKeyError);
  update();
}

std::uint32_t Saes::peek(std::uint32_t offset) const {
  return (offset & ~3U) == kDpacfgr ? dpacfgr_ : AesEngine::peek(offset);
}

std::uint32_t Saes::load(std::uint32_t offset, std::uint32_t lanes, const Access& access) {
  guard(access);
  return offset == kDpacfgr ? dpacfgr_ : AesEngine::load(offset, lanes, access);
}

void Saes::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  guard(access);
  if (offset == kDpacfgr) {
    if ((dpacfgr_ & kDpaLock) == 0) assign(dpacfgr_, value, lanes & (kDpaConfiguration | kDpaLock));
    return;
  }
  const bool was_valid = key_valid_;
  AesEngine::store(offset, value, lanes, access);
  if (!was_valid && key_valid_) {
    owner_secure_ = access.secure;
    owner_privileged_ = access.privileged;
  }
}

void Saes::control_changed(std::uint32_t before, const Access& access) {
  if (test(cr_, kSoftReset)) return;
  if (((before ^ cr_) & kKeySource) != 0) {
    invalidate_key();
    listening_ = false;
  }
  if (!enabled()) unwrapped_words_ = mode() == Mode::Decrypt ? unwrapped_words_ : 0;
  if (source() != Source::Registers && !key_valid_ && !busy()) select_key(access);
}

bool Saes::can_start() const {
  if (chaining() != Chaining::Ecb && chaining() != Chaining::Cbc) return false;
  // A key that was unwrapped itself wraps and unwraps nothing (RM0456 50.4.9).
  return key_mode() == KeyMode::Normal || source() != Source::Registers;
}

// --- where keys come from

void Saes::select_key(const Access& access) {
  owner_secure_ = access.secure;
  owner_privileged_ = access.privileged;
  unwrapped_words_ = 0;
  if (uses_boot_key()) {
    listening_ = true;
    heard_ = 0;
    return;
  }
  const bool known = source() == Source::Chip || source() == Source::Test;
  if (known) begin(Work::LoadKey);
}

void Saes::boot_key_read(unsigned index, std::uint32_t value) {
  if (!listening_) return;
  const unsigned count = long_key() ? kBootKeyWords : kBootKeyWords / 2;
  if (heard_ == 0) upwards_ = index == 0;
  const unsigned expected = upwards_ ? heard_ : count - 1 - heard_;
  if (index != expected) {
    listening_ = false;
    raise(kKeyError);
    return update();
  }
  boot_key_.words[index] = value;
  if (++heard_ < count) return;
  listening_ = false;
  begin(Work::LoadKey);
  update();
}

std::optional<AesKey> Saes::loaded_key() {
  AesKey key{.words = {}, .long_key = long_key()};
  if (source() == Source::Test) key.words.fill(kTestWord);
  if (source() == Source::Chip || source() == Source::Both) key = derived_key();
  if (uses_boot_key()) {
    for (unsigned i = 0; i < (long_key() ? 8U : 4U); ++i) key.words[i] ^= boot_key_.words[i];
  }
  boot_key_ = {};
  return key;
}

AesKey Saes::derived_key() const {
  return chip_key(hooks_.root_key(), hooks_.block_secure(), owner_privileged_, cr_);
}

AesKey Saes::chip_key(std::span<const std::uint8_t, 32> root, bool block_secure, bool privileged,
                      std::uint32_t control) {
  std::vector<std::uint8_t> text(root.begin(), root.end());
  text.push_back(block_secure ? 1 : 0);
  text.push_back(privileged ? 1 : 0);
  const std::uint32_t chaining = bits(control, 6, 5) | bits(control, 16, 16) << 2;
  const bool long_key = test(control, kKeySize);
  for (const std::uint32_t value : {bits(control, 25, 24), bits(control, 27, 26), bits(control, 30, 28),
                                    chaining, std::uint32_t{long_key ? 1U : 0U}}) {
    text.push_back(static_cast<std::uint8_t>(value));
  }
  std::array<std::uint8_t, 32> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available on this machine");
  }
  AesKey key{.words = {}, .long_key = long_key};
  for (unsigned i = 0; i < (long_key ? 32U : 16U); ++i) {
    key.words[i / 4] |= std::uint32_t{digest[i]} << (8 * (i % 4));
  }
  return key;
}

// --- where decrypted keys go

bool Saes::divert_output(const AesBlock& block) {
  if (key_mode() == KeyMode::Normal || mode() != Mode::Decrypt) return false;
  const unsigned count = long_key() ? kBootKeyWords : kBootKeyWords / 2;
  if (unwrapped_words_ + block.size() / 4 > count) unwrapped_words_ = 0;
  for (unsigned i = 0; i < block.size(); i += 4) {
    const std::uint32_t word = std::uint32_t{block[i]} << 24 | std::uint32_t{block[i + 1]} << 16 |
                               std::uint32_t{block[i + 2]} << 8 | block[i + 3];
    unwrapped_.words[count - 1 - unwrapped_words_++] = word;
  }
  if (unwrapped_words_ < count) return true;
  unwrapped_.long_key = long_key();
  unwrapped_words_ = 0;
  cr_ &= ~kKeySource;
  set_key(std::exchange(unwrapped_, {}));
  return true;
}

std::optional<AesKey> Saes::shared_key(bool wanted_long) {
  const bool sharing = key_mode() == KeyMode::Shared && bits(cr_, 27, 26) == 0 && key_valid_ &&
                       source() == Source::Registers && !busy();
  if (sharing && key_.long_key == wanted_long) return key_;
  if (sharing) {
    raise(kKeyError);
    update();
  }
  return std::nullopt;
}

}  // namespace microvisor::board
