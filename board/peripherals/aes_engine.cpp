#include "board/peripherals/aes_engine.hpp"

#include <algorithm>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/data_swap.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kBlockWords = 4;
/// Bits of CR that can be changed while the block works; all others only while EN is 0 (RM0456 49.7.1).
constexpr std::uint32_t kAlwaysOpen = bit(0) | field(14, 11) | field(23, 20);

AesBlock bytes_of(const std::array<std::uint32_t, 4>& words) {
  AesBlock block{};
  for (unsigned i = 0; i < block.size(); ++i) {
    block[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
  }
  return block;
}

std::array<std::uint32_t, 4> words_of(const AesBlock& block) {
  std::array<std::uint32_t, 4> words{};
  for (unsigned i = 0; i < block.size(); ++i) words[i / 4] = words[i / 4] << 8 | block[i];
  return words;
}

std::uint32_t word_of(const AesBlock& block, unsigned index) { return words_of(block)[index]; }

void replace_word(AesBlock& block, unsigned index, std::uint32_t value) {
  auto words = words_of(block);
  words[index] = value;
  block = bytes_of(words);
}

/// Bytes of the counter in CCM: L of RFC 3610, from the flags of B0 or of a counter block.
unsigned counter_bytes(const AesBlock& block) { return (block[0] & 7U) + 1; }

}  // namespace

AesEngine::AesEngine(Scheduler& scheduler, Clocks& clocks, InterruptLine line, std::uint32_t control_bits)
    : scheduler_(scheduler),
      clocks_(clocks),
      line_(line),
      control_bits_(control_bits),
      work_done_(scheduler, [this] { finish_work(); }) {
  clocks_.on_change([this] { clock_changed(); });
}

void AesEngine::reset(Reset) {
  cr_ = 0;
  software_reset();
}

void AesEngine::software_reset() {
  ier_ = flags_ = 0;
  read_error_ = write_error_ = false;
  iv_ = {};
  mac_ = hash_key_ = {};
  erase_key();
}

void AesEngine::serialise(Archive& archive) {
  archive(cr_, key_, key_valid_, ier_, flags_, read_error_, write_error_, iv_, next_key_, key_step_,
          transfer_, words_, block_, work_, mac_, hash_key_);
  serialise_event(archive, work_done_);
  if (archive.loading()) {
    words_ = std::min(words_, kBlockWords);
    update();
  }
}

// --- registers

std::uint32_t AesEngine::status() const {
  return (flags_ & kComplete) | (read_error_ ? bit(1) : 0) | (write_error_ ? bit(2) : 0) |
         (busy() ? bit(3) : 0) | (key_valid_ ? bit(7) : 0);
}

std::uint32_t AesEngine::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset >= kIv && offset < kIv + 16) return iv_[(offset - kIv) / 4];
  if (offset >= kSuspend && offset < kSuspendEnd) {
    const unsigned index = (offset - kSuspend) / 4;
    return index < kBlockWords ? word_of(mac_, index) : word_of(hash_key_, index - kBlockWords);
  }
  switch (offset) {
    case kCr: return cr_;
    case kSr: return status();
    case kIer: return ier_;
    case kIsr: return flags_;
    default: return 0;
  }
}

std::uint32_t AesEngine::load(std::uint32_t offset, std::uint32_t, const Access&) {
  return offset == kDoutr ? load_output() : peek(offset);
}

void AesEngine::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset == kCr) return store_control(value, lanes, access);
  if (test(cr_, kSoftReset)) return;
  if (offset >= kKeyLow && offset < kIv) store_key((offset - kKeyLow) / 4, value);
  if (offset >= kKeyHigh && offset < kSuspend) store_key(4 + (offset - kKeyHigh) / 4, value);
  if (offset >= kIv && offset < kKeyHigh && !enabled()) iv_[(offset - kIv) / 4] = value;
  if (offset >= kSuspend && offset < kSuspendEnd && !enabled()) {
    const unsigned index = (offset - kSuspend) / 4;
    replace_word(index < kBlockWords ? mac_ : hash_key_, index % kBlockWords, value);
  }
  switch (offset) {
    case kDinr: store_input(value); break;
    case kIer: assign(ier_, value, lanes & (kComplete | kAccessError | kKeyError | kRandomError)); break;
    case kIcr:
      flags_ &= ~value;
      if ((value & kAccessError) != 0) read_error_ = write_error_ = false;
      if ((value & kKeyError) != 0) control_changed(cr_, access);  // a selected key is fetched again
      break;
    default: break;
  }
  update();
}

void AesEngine::store_control(std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (test(value & lanes, kSoftReset)) {
    cr_ = bit(kSoftReset);
    return software_reset();
  }
  const std::uint32_t before = cr_;
  const bool stays_enabled = enabled() && test(value, kEnable);
  std::uint32_t mask = lanes & control_bits_;
  if (stays_enabled || busy()) mask &= kAlwaysOpen;
  const bool enable_wanted = test(mask, kEnable) && test(value, kEnable);
  assign(cr_, value, (mask & ~bit(kEnable)) | bit(kSoftReset));
  if (enabled() && !enable_wanted) disable();
  if (((before ^ cr_) & bit(kKeySize)) != 0) invalidate_key();
  control_changed(before, access);
  if (enable_wanted && !enabled() && key_valid_ && !busy() && can_start()) {
    enable();
  } else if (enabled() && chaining() == Chaining::Ccm && phase() == Phase::Final &&
             bits(before, 14, 13) != bits(cr_, 14, 13)) {
    begin(Work::Final);  // its input is in the block already
  }
  update();
}

void AesEngine::enable() {
  cr_ |= bit(kEnable);
  if (authenticated()) {
    if (phase() == Phase::Init) begin(Work::Init);
    if (phase() == Phase::Final && chaining() == Chaining::Ccm) begin(Work::Final);
  } else if (mode() == Mode::PrepareKey) {
    begin(Work::PrepareKey);
  }
}

void AesEngine::disable() {
  cr_ &= ~bit(kEnable);
  if (work_ != Work::LoadKey) {
    work_ = Work::None;
    work_done_.cancel();
  }
  transfer_ = Transfer::Input;
  words_ = 0;
}

// --- keys

/// The registers of a key are written upwards or downwards without a gap (RM0456 49.4.15).
void AesEngine::store_key(unsigned index, std::uint32_t value) {
  const int top = long_key() ? 7 : 3;
  const int at = static_cast<int>(index);
  if (enabled() || busy() || at > top || !key_registers_open()) return;
  if (key_valid_) invalidate_key();
  if (next_key_ != at && next_key_ != -1) {
    next_key_ = -1;
    raise(kKeyError);
  }
  if (next_key_ == -1) {
    if (at != 0 && at != top) return raise(kKeyError);
    key_step_ = at == 0 ? 1 : -1;
  }
  key_.words[index] = value;
  const bool last = at == (key_step_ > 0 ? top : 0);
  next_key_ = last ? -1 : at + key_step_;
  if (!last) return;
  key_.long_key = long_key();
  key_valid_ = true;
}

void AesEngine::set_key(const AesKey& key) {
  key_ = key;
  key_valid_ = true;
  next_key_ = -1;
}

void AesEngine::invalidate_key() {
  key_ = {};
  key_valid_ = false;
  next_key_ = -1;
}

void AesEngine::erase_key() {
  work_ = Work::None;
  work_done_.cancel();
  disable();
  invalidate_key();
  update();
}

// --- blocks in and out

void AesEngine::store_input(std::uint32_t value) {
  if (!enabled()) return;
  if (busy() || transfer_ != Transfer::Input) {
    write_error_ = true;
    return raise(kAccessError);
  }
  // The lengths that close a GCM message are numbers, not data.
  const bool lengths = authenticated() && phase() == Phase::Final;
  block_[words_++] = lengths ? value : swap_data(value, bits(cr_, 2, 1));
  if (words_ < kBlockWords) return;
  words_ = 0;
  if (!authenticated()) return begin(Work::Payload);
  switch (phase()) {
    case Phase::Header: return begin(Work::Header);
    case Phase::Final: return begin(Work::Final);
    default: return begin(Work::Payload);
  }
}

std::uint32_t AesEngine::load_output() {
  if (busy() || transfer_ != Transfer::Output) {
    read_error_ = true;
    raise(kAccessError);
    update();
    return 0;
  }
  const std::uint32_t word = swap_data(block_[kBlockWords - words_], bits(cr_, 2, 1));
  if (--words_ == 0) transfer_ = Transfer::Input;
  update();
  return word;
}

void AesEngine::give(const AesBlock& block) {
  block_ = words_of(block);
  transfer_ = Transfer::Output;
  words_ = kBlockWords;
}

// --- work

void AesEngine::begin(Work work) {
  work_ = work;
  work_done_.cancel();
  clock_changed();
}

void AesEngine::clock_changed() {
  if (work_ == Work::None || work_done_.armed() || clock_hertz() == 0) return;
  work_done_.after(clocks_of(work_) * kTicksPerSecond / clock_hertz());
}

void AesEngine::finish_work() {
  const Work work = work_;
  work_ = Work::None;
  switch (work) {
    case Work::LoadKey:
      if (const auto key = loaded_key()) {
        set_key(*key);
      } else {
        invalidate_key();
        raise(kKeyError);
      }
      return update();
    case Work::PrepareKey:
      key_ = last_round_key(key_);
      cr_ &= ~bit(kEnable);
      break;
    case Work::Init:
      start_authentication();
      cr_ &= ~bit(kEnable);
      break;
    case Work::Header: authenticate(bytes_of(block_)); break;
    case Work::Payload: process_block(); break;
    case Work::Final: finish_authentication(); break;
    case Work::None: return;
  }
  flags_ |= kComplete;
  update();
}

void AesEngine::process_block() {
  if (authenticated()) {
    process_payload(bytes_of(block_));
  } else {
    process_basic(bytes_of(block_));
  }
}

void AesEngine::process_basic(const AesBlock& input) {
  const bool chained = chaining() == Chaining::Cbc;
  AesBlock output{};
  if (chaining() == Chaining::Ctr) {
    output = cipher_.encrypt(key_, vector()) ^ input;
    step_counter(4);
  } else if (mode() == Mode::Decrypt) {
    output = cipher_.decrypt(key_, input);
    if (chained) output = output ^ vector();
    if (chained) set_vector(input);
  } else {
    output = cipher_.encrypt(key_, chained ? input ^ vector() : input);
    if (chained) set_vector(output);
  }
  if (!divert_output(output)) give(output);
}

/// Counter mode with authentication of the ciphertext (GCM) or of the plaintext (CCM).
void AesEngine::process_payload(const AesBlock& input) {
  const bool gcm = chaining() == Chaining::Gcm;
  const AesBlock output = cipher_.encrypt(key_, vector()) ^ input;
  const bool of_output = gcm == (mode() == Mode::Encrypt);
  authenticate(trimmed(of_output ? output : input));
  step_counter(gcm ? 4 : counter_bytes(vector()));
  give(output);
}

void AesEngine::start_authentication() {
  mac_ = {};
  hash_key_ = {};
  if (chaining() == Chaining::Gcm) {
    hash_key_ = cipher_.encrypt(key_, AesBlock{});
    return;
  }
  // The vector is B0; the first counter block has its nonce and the counter 1 (RFC 3610 section 2.3).
  AesBlock counter = vector();
  mac_ = cipher_.encrypt(key_, counter);
  const unsigned length = counter_bytes(counter);
  counter[0] &= 7;
  std::fill(counter.end() - length, counter.end(), 0);
  counter[15] = 1;
  set_vector(counter);
}

void AesEngine::authenticate(const AesBlock& block) {
  mac_ = mac_ ^ block;
  mac_ = chaining() == Chaining::Gcm ? ghash_multiply(mac_, hash_key_) : cipher_.encrypt(key_, mac_);
}

void AesEngine::finish_authentication() {
  AesBlock first = vector();
  if (chaining() == Chaining::Gcm) {
    authenticate(bytes_of(block_));
    replace_word(first, 3, 1);
  } else {
    std::fill(first.end() - counter_bytes(first), first.end(), 0);
  }
  give(cipher_.encrypt(key_, first) ^ mac_);
}

AesBlock AesEngine::trimmed(AesBlock block) const {
  std::fill(block.end() - bits(cr_, 23, 20), block.end(), 0);
  return block;
}

AesBlock AesEngine::vector() const { return bytes_of({iv_[3], iv_[2], iv_[1], iv_[0]}); }

void AesEngine::set_vector(const AesBlock& block) {
  const auto words = words_of(block);
  iv_ = {words[3], words[2], words[1], words[0]};
}

/// Adds one to the last `bytes` bytes of the vector.
void AesEngine::step_counter(unsigned bytes) {
  AesBlock counter = vector();
  for (unsigned i = 0; i < bytes; ++i) {
    if (++counter[15 - i] != 0) break;
  }
  set_vector(counter);
}

void AesEngine::raise(std::uint32_t flags) { flags_ |= flags; }

void AesEngine::update() {
  line_.set((flags_ & ier_) != 0);
  const bool data = enabled() && mode() != Mode::PrepareKey && !busy();
  dma_in_.set(data && test(cr_, kDmaIn) && transfer_ == Transfer::Input);
  dma_out_.set(data && test(cr_, kDmaOut) && transfer_ == Transfer::Output);
}

}  // namespace microvisor::board
