#include "board/peripherals/hash.hpp"

#include <algorithm>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/data_swap.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr = 0x000,
  kDin = 0x004,
  kStr = 0x008,
  kFirstDigest = 0x00C,  // HRA0 to HRA4
  kImr = 0x020,
  kSr = 0x024,
  kContext = 0x0F8,  // CSR0 to CSR53
  kContextEnd = kContext + 54 * 4,
  kDigest = 0x310,  // HR0 to HR7
  kDigestEnd = kDigest + 8 * 4,
};

constexpr unsigned kInit = 2, kDmaEnable = 3, kHmac = 6, kMultipleDma = 13, kLongKey = 16, kCalculate = 8;
constexpr std::uint32_t kStored =
    bit(kDmaEnable) | field(5, 4) | bit(kHmac) | bit(kMultipleDma) | bit(kLongKey) | field(18, 17);
constexpr unsigned kLine = 96;
constexpr unsigned kFirstDigests = 5;
constexpr std::uint32_t kInnerPad = 0x3636'3636, kOuterPad = 0x5C5C'5C5C;

/// Clocks of the core for a block (RM0456 51.4.11).
constexpr std::uint64_t clocks_per_block(HashFunction function) {
  return function == HashFunction::Sha1 ? 66 : 50;
}

// Numbers of the context registers.
constexpr unsigned kFill = 0, kBlocks = 1, kValue = 3, kBuffer = 11, kStep = 38, kInner = 39;

void put_word(HashBlock& block, unsigned index, std::uint32_t word) {
  for (unsigned i = 0; i < 4; ++i) block[index * 4 + i] = static_cast<std::uint8_t>(word >> (24 - 8 * i));
}

}  // namespace

Hash::Hash(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts)
    : scheduler_(scheduler), clocks_(clocks), line_{&interrupts, kLine}, busy_(scheduler, [this] {
        done();
      }) {}

void Hash::reset(Reset) {
  busy_.cancel();
  cr_ = str_ = imr_ = 0;
  complete_ = completing_ = initialised_ = false;
  input_ready_ = true;
  digest_ = inner_digest_ = {};
  function_ = HashFunction::Sha1;
  long_key_ = false;
  step_ = Step::Plain;
  clear_message();
  update();
}

void Hash::serialise(Archive& archive) {
  archive(cr_, str_, imr_, input_ready_, complete_, completing_, initialised_, digest_, function_, long_key_,
          step_, fill_, blocks_, value_, buffer_, inner_digest_);
  serialise_event(archive, busy_);
  if (archive.loading()) {
    fill_ = std::min(fill_, kBufferWords);
    update();
  }
}

// --- registers

std::uint32_t Hash::status() const {
  std::uint32_t value = (input_ready_ ? bit(0) : 0) | (complete_ ? bit(1) : 0) | (busy() ? bit(3) : 0);
  if (test(cr_, kDmaEnable)) value |= bit(2);
  if (fill_ != 0) value |= bit(15) | fill_ << 9;                             // DINNE, NBWP
  if (initialised_) value |= std::uint32_t{kBufferWords + 1 - fill_} << 16;  // NBWE
  return value;
}

std::uint32_t Hash::context(unsigned index) const {
  if (index == kFill) return fill_;
  if (index == kBlocks) return blocks_;
  if (index - kValue < value_.size()) return value_[index - kValue];
  if (index - kBuffer < buffer_.size()) return buffer_[index - kBuffer];
  if (index == kStep) return static_cast<std::uint32_t>(step_);
  if (index - kInner < inner_digest_.size()) return inner_digest_[index - kInner];
  return 0;
}

void Hash::set_context(unsigned index, std::uint32_t value) {
  if (index == kFill) fill_ = std::min(value, kBufferWords);
  if (index == kBlocks) blocks_ = value;
  if (index - kValue < value_.size()) value_[index - kValue] = value;
  if (index - kBuffer < buffer_.size()) buffer_[index - kBuffer] = value;
  // A plain hash has no step to go back to.
  if (index == kStep && step_ != Step::Plain) step_ = static_cast<Step>(std::clamp(value, 1U, 3U));
  if (index - kInner < inner_digest_.size()) inner_digest_[index - kInner] = value;
}

std::uint32_t Hash::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset >= kFirstDigest && offset < kFirstDigest + kFirstDigests * 4) {
    return digest_[(offset - kFirstDigest) / 4];
  }
  if (offset >= kDigest && offset < kDigestEnd) return digest_[(offset - kDigest) / 4];
  if (offset >= kContext && offset < kContextEnd) {
    return input_ready_ ? context((offset - kContext) / 4) : 0;  // readable between blocks only
  }
  switch (offset) {
    case kCr: return cr_ | std::min(fill_, 15U) << 8 | (fill_ != 0 ? bit(12) : 0);
    case kStr: return str_;
    case kImr: return imr_;
    case kSr: return status();
    default: return 0;
  }
}

std::uint32_t Hash::load(std::uint32_t offset, std::uint32_t, const Access&) { return peek(offset); }

void Hash::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  if (offset >= kContext && offset < kContextEnd) set_context((offset - kContext) / 4, value);
  switch (offset) {
    case kCr:
      assign(cr_, value, lanes & kStored);
      if (test(value & lanes, kInit)) initialise();
      break;
    case kDin: push(swap_data(value, bits(cr_, 5, 4))); break;
    case kStr:
      assign(str_, value, lanes & field(4, 0));
      if (test(value & lanes, kCalculate)) close_message();
      break;
    case kImr: assign(imr_, value, lanes & 3); break;
    case kSr:  // rc_w0
      if (test(~value & lanes, 0)) input_ready_ = false;
      if (test(~value & lanes, 1)) complete_ = false;
      break;
    default: break;
  }
  update();
}

void Hash::dma_transfer_complete() {
  if (!test(cr_, kDmaEnable)) return;
  cr_ &= ~bit(kDmaEnable);
  if (!test(cr_, kMultipleDma)) close_message();
  update();
}

// --- the message

void Hash::initialise() {
  busy_.cancel();
  function_ = static_cast<HashFunction>(bits(cr_, 18, 17));
  long_key_ = test(cr_, kLongKey);
  step_ = test(cr_, kHmac) ? Step::InnerKey : Step::Plain;
  input_ready_ = initialised_ = true;
  complete_ = completing_ = false;
  digest_ = inner_digest_ = {};
  clear_message();
}

void Hash::clear_message() {
  value_ = initial_value(function_);
  buffer_ = {};
  fill_ = blocks_ = 0;
}

void Hash::take(const HashBlock& block) {
  take_block(function_, value_, block);
  ++blocks_;
}

void Hash::store_buffer(HashBlock& block) const {
  for (unsigned i = 0; i < fill_; ++i) put_word(block, i, buffer_[i]);
}

void Hash::push(std::uint32_t word) {
  input_ready_ = false;
  if (fill_ == kBufferWords) {
    // A short key fits the buffer; there is no place for more of it.
    const bool key = step_ == Step::InnerKey || step_ == Step::OuterKey;
    if (key && !long_key_) return;
    HashBlock block{};
    store_buffer(block);
    take(block);
    fill_ = 0;
    work_for(1);
  }
  buffer_[fill_++] = word;
}

/// Clears the bits of the last word that NBLW does not count.
void Hash::mask_last_word() {
  const unsigned valid = bits(str_, 4, 0);
  if (fill_ != 0 && valid != 0) buffer_[fill_ - 1] &= ~(0xFFFF'FFFFU >> valid);
}

ChainingValue Hash::finish() {
  mask_last_word();
  const unsigned valid = bits(str_, 4, 0);
  const unsigned buffered = fill_ == 0 ? 0 : 32 * (fill_ - 1) + (valid != 0 ? valid : 32);
  const std::uint64_t length = std::uint64_t{blocks_} * kHashBlock * 8 + buffered;
  HashBlock block{};
  store_buffer(block);
  if (buffered == kHashBlock * 8) {
    take(block);
    block = {};
  }
  block[buffered / 8 % kHashBlock] |= static_cast<std::uint8_t>(0x80 >> buffered % 8);
  constexpr unsigned kLengthAt = (kHashBlock - 8) * 8;
  if (buffered >= kLengthAt && buffered != kHashBlock * 8) {
    take(block);
    block = {};
  }
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned shift = little_endian(function_) ? 8 * i : 56 - 8 * i;
    block[kHashBlock - 8 + i] = static_cast<std::uint8_t>(length >> shift);
  }
  take(block);
  ChainingValue digest = value_;
  if (little_endian(function_)) {
    for (std::uint32_t& word : digest) word = reverse_bytes(word);
  }
  std::fill(digest.begin() + digest_words(function_), digest.end(), 0);
  return digest;
}

void Hash::start_with_key(std::uint32_t pad) {
  std::array<std::uint32_t, kBufferWords> key{};
  if (long_key_) {
    std::ranges::copy(finish(), key.begin());
  } else {
    mask_last_word();
    std::copy_n(buffer_.begin(), fill_, key.begin());
  }
  clear_message();
  HashBlock block{};
  for (unsigned i = 0; i < kBufferWords; ++i) put_word(block, i, key[i] ^ pad);
  take(block);
}

void Hash::close_message() {
  const std::uint32_t before = blocks_;
  switch (step_) {
    case Step::InnerKey:
      start_with_key(kInnerPad);
      step_ = Step::Text;
      break;
    case Step::Text:
      inner_digest_ = finish();
      clear_message();
      step_ = Step::OuterKey;
      break;
    case Step::OuterKey:
      start_with_key(kOuterPad);
      std::copy_n(inner_digest_.begin(), digest_words(function_), buffer_.begin());
      fill_ = digest_words(function_);
      str_ &= ~field(4, 0);
      digest_ = finish();
      completing_ = true;
      step_ = Step::InnerKey;
      break;
    case Step::Plain:
      digest_ = finish();
      completing_ = true;
      break;
  }
  if (completing_) {
    fill_ = 0;
    buffer_ = {};
  }
  work_for(blocks_ > before ? blocks_ - before : 2);
}

// --- time

void Hash::work_for(std::uint64_t blocks) {
  input_ready_ = false;
  const Time start = busy() ? busy_.due() : scheduler_.now();
  busy_.at(start + blocks * clocks_per_block(function_) * period_of(clocks_.hclk()));
}

void Hash::done() {
  input_ready_ = true;
  if (completing_) complete_ = true;
  completing_ = false;
  update();
}

void Hash::update() {
  line_.set((input_ready_ && test(imr_, 0)) || (complete_ && test(imr_, 1)));
  dma_in_.set(test(cr_, kDmaEnable) && !busy());
}

}  // namespace microvisor::board
