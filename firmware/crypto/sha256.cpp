// SHA-256 (FIPS 180-4), written for the Cortex-M33: the message schedule is expanded with the round constants
// already added, so that the rounds keep the eight state words, a pointer and the temporaries in registers;
// and for a block of 0xFF, of which there are thousands behind every application, the expanded schedule is a
// table.
#include <algorithm>
#include <bit>
#include <cstring>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

namespace {

constexpr std::size_t kBlockSize = 64;
constexpr std::size_t kRounds = 64;

using State = std::array<std::uint32_t, 8>;
using Schedule = std::array<std::uint32_t, kRounds>;

// The first 32 bits of the fractional parts of the square roots of the first 8 primes (section 5.3.3) and of
// the cube roots of the first 64 primes (section 4.2.2).
constexpr State kInitialState{0x6a09'e667, 0xbb67'ae85, 0x3c6e'f372, 0xa54f'f53a,
                              0x510e'527f, 0x9b05'688c, 0x1f83'd9ab, 0x5be0'cd19};
constexpr Schedule kConstants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Words 16 to 63 of the schedule from the first 16 (section 6.2.2), then the constants added to all.
constexpr void expand(Schedule& words) {
  for (std::size_t i = 16; i < kRounds; ++i) {
    const std::uint32_t w15 = words[i - 15];
    const std::uint32_t w2 = words[i - 2];
    const std::uint32_t s0 = std::rotr(w15, 7) ^ std::rotr(w15, 18) ^ (w15 >> 3);
    const std::uint32_t s1 = std::rotr(w2, 17) ^ std::rotr(w2, 19) ^ (w2 >> 10);
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
  for (std::size_t i = 0; i < kRounds; ++i) words[i] += kConstants[i];
}

constexpr Schedule kBlankBlock = [] {
  Schedule words{};
  for (std::size_t i = 0; i < 16; ++i) words[i] = 0xFFFF'FFFF;
  expand(words);
  return words;
}();

/// One round; the caller rotates the roles of the words instead of moving them. Ch and Maj in the forms with
/// the fewest operations.
[[gnu::always_inline]] inline void round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d,
                                         std::uint32_t e, std::uint32_t f, std::uint32_t g, std::uint32_t& h,
                                         std::uint32_t word) {
  h += word + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + (((f ^ g) & e) ^ g);
  d += h;
  h += (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

/// The 64 rounds over an expanded schedule.
void run_rounds(State& state, const Schedule& words) {
  auto [a, b, c, d, e, f, g, h] = state;
  for (const std::uint32_t* word = words.data(); word != words.data() + kRounds; word += 8) {
    round(a, b, c, d, e, f, g, h, word[0]);
    round(h, a, b, c, d, e, f, g, word[1]);
    round(g, h, a, b, c, d, e, f, word[2]);
    round(f, g, h, a, b, c, d, e, word[3]);
    round(e, f, g, h, a, b, c, d, word[4]);
    round(d, e, f, g, h, a, b, c, word[5]);
    round(c, d, e, f, g, h, a, b, word[6]);
    round(b, c, d, e, f, g, h, a, word[7]);
  }
  const State sum{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < sum.size(); ++i) state[i] += sum[i];
}

std::uint32_t load_big_endian(const std::uint8_t* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap32(word);
}

void process(State& state, const std::uint8_t* block) {
  Schedule words;
  for (std::size_t i = 0; i < 16; ++i) words[i] = load_big_endian(block + 4 * i);
  expand(words);
  run_rounds(state, words);
}

}  // namespace

Sha256::Sha256() : state_(kInitialState) {}

void Sha256::update(std::span<const std::uint8_t> data) {
  if (data.empty()) return;  // it may point nowhere
  const std::size_t fill = size_ % kBlockSize;
  size_ += data.size();
  if (fill != 0) {
    const std::size_t count = std::min(kBlockSize - fill, data.size());
    std::memcpy(block_.data() + fill, data.data(), count);
    data = data.subspan(count);
    if (fill + count < kBlockSize) return;
    process(state_, block_.data());
  }
  for (; data.size() >= kBlockSize; data = data.subspan(kBlockSize)) process(state_, data.data());
  if (!data.empty()) std::memcpy(block_.data(), data.data(), data.size());
}

void Sha256::update_blank(std::size_t size) {
  std::array<std::uint8_t, kBlockSize> blank;
  blank.fill(0xFF);
  const std::size_t head = std::min<std::size_t>(size, (kBlockSize - size_ % kBlockSize) % kBlockSize);
  update(std::span(blank).first(head));
  size -= head;
  for (; size >= kBlockSize; size -= kBlockSize) {
    run_rounds(state_, kBlankBlock);
    size_ += kBlockSize;
  }
  update(std::span(blank).first(size));
}

Digest Sha256::finish() {
  // Padding: a one bit, zeros, the length in bits in the last 8 bytes of a block (section 5.1.1).
  const std::uint64_t bits = size_ * 8;
  std::array<std::uint8_t, kBlockSize> padding{0x80};
  const std::size_t fill = size_ % kBlockSize;
  update(std::span(padding).first(fill < 56 ? 56 - fill : 120 - fill));
  std::array<std::uint8_t, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  update(length);
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

Digest sha256(std::span<const std::uint8_t> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

namespace {

std::uint64_t key_id(std::uint8_t type, const PublicKey& key) {
  const std::uint8_t prefix[] = {0, type};
  Sha256 hash;
  hash.update(prefix);
  hash.update(key);
  const Digest digest = hash.finish();
  std::uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = (id << 8) | digest[i];
  return id;
}

}  // namespace

std::uint64_t manifest_key_id(const PublicKey& key) { return key_id(0, key); }
std::uint64_t layer_key_id(const PublicKey& key) { return key_id(1, key); }
std::uint64_t device_key_id(const PublicKey& key) { return key_id(3, key); }

}  // namespace microvisor::firmware::crypto
