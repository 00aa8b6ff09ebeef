#include "board/peripherals/aes_cipher.hpp"

#include <openssl/evp.h>

#include <bit>
#include <optional>
#include <stdexcept>
#include <vector>

namespace microvisor::board {
namespace {

constexpr std::uint8_t times_x(std::uint8_t value) {
  return static_cast<std::uint8_t>(value << 1 ^ ((value & 0x80) != 0 ? 0x1B : 0));
}

/// The substitution of FIPS 197 section 5.1.1: the inverse in GF(2^8), then an affine map. The inverses come
/// in pairs of powers of the generator 3.
constexpr std::array<std::uint8_t, 256> make_substitution() {
  std::array<std::uint8_t, 256> result{};
  std::array<std::uint8_t, 255> powers{};
  std::uint8_t power = 1;
  for (std::uint8_t& entry : powers) {
    entry = power;
    power = static_cast<std::uint8_t>(power ^ times_x(power));
  }
  const auto affine = [](std::uint8_t b) {
    return static_cast<std::uint8_t>(b ^ std::rotl(b, 1) ^ std::rotl(b, 2) ^ std::rotl(b, 3) ^
                                     std::rotl(b, 4) ^ 0x63);
  };
  result[0] = affine(0);
  for (unsigned i = 0; i < powers.size(); ++i) result[powers[i]] = affine(powers[(255 - i) % 255]);
  return result;
}
constexpr std::array<std::uint8_t, 256> kSubstitution = make_substitution();
static_assert(kSubstitution[0x00] == 0x63 && kSubstitution[0x53] == 0xED);  // FIPS 197 figure 7

std::uint32_t substitute(std::uint32_t word) {
  std::uint32_t result = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    result |= std::uint32_t{kSubstitution[word >> shift & 0xFF]} << shift;
  }
  return result;
}

/// What word `index` of the schedule is the XOR of with word `index` - `length`.
std::uint32_t expansion(unsigned index, unsigned length, std::uint32_t previous) {
  if (index % length == 0) {
    std::uint8_t constant = 1;
    for (unsigned i = 1; i < index / length; ++i) constant = times_x(constant);
    return substitute(std::rotl(previous, 8)) ^ std::uint32_t{constant} << 24;
  }
  return length == 8 && index % length == 4 ? substitute(previous) : previous;
}

unsigned key_words(const AesKey& key) { return key.long_key ? 8 : 4; }
unsigned schedule_words(const AesKey& key) { return key.long_key ? 60 : 44; }

}  // namespace

AesKey last_round_key(const AesKey& key) {
  const unsigned length = key_words(key), total = schedule_words(key);
  std::vector<std::uint32_t> schedule(total);
  for (unsigned i = 0; i < length; ++i) schedule[i] = key.words[length - 1 - i];
  for (unsigned i = length; i < total; ++i) {
    schedule[i] = schedule[i - length] ^ expansion(i, length, schedule[i - 1]);
  }
  AesKey last{.words = {}, .long_key = key.long_key};
  for (unsigned i = 0; i < length; ++i) last.words[length - 1 - i] = schedule[total - length + i];
  return last;
}

AesKey key_of_last_round(const AesKey& last) {
  const unsigned length = key_words(last), total = schedule_words(last);
  std::vector<std::uint32_t> schedule(total);
  for (unsigned i = 0; i < length; ++i) schedule[total - length + i] = last.words[length - 1 - i];
  for (unsigned i = total - 1; i >= length; --i) {
    schedule[i - length] = schedule[i] ^ expansion(i, length, schedule[i - 1]);
  }
  AesKey key{.words = {}, .long_key = last.long_key};
  for (unsigned i = 0; i < length; ++i) key.words[length - 1 - i] = schedule[i];
  return key;
}

/// A key made ready for one direction, kept until another key comes.
struct AesCipher::Schedule {
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context{EVP_CIPHER_CTX_new()};
  std::optional<AesKey> key;

  void make_ready(const AesKey& wanted, bool encrypt) {
    if (key == wanted) return;
    key = wanted;
    const AesKey start = encrypt ? wanted : key_of_last_round(wanted);
    std::array<std::uint8_t, 32> bytes{};
    const unsigned length = key_words(start);
    for (unsigned i = 0; i < length * 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(start.words[length - 1 - i / 4] >> (24 - 8 * (i % 4)));
    }
    const EVP_CIPHER* cipher = start.long_key ? EVP_aes_256_ecb() : EVP_aes_128_ecb();
    if (context == nullptr ||
        EVP_CipherInit_ex(context.get(), cipher, nullptr, bytes.data(), nullptr, encrypt ? 1 : 0) != 1) {
      throw std::runtime_error("AES is not available on this machine");
    }
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
  }
  AesBlock process(const AesBlock& block) {
    AesBlock result{};
    int length = 0;
    if (EVP_CipherUpdate(context.get(), result.data(), &length, block.data(), block.size()) != 1) {
      throw std::runtime_error("AES failed on this machine");
    }
    return result;
  }
};

AesCipher::AesCipher()
    : encryption_(std::make_unique<Schedule>()), decryption_(std::make_unique<Schedule>()) {}
AesCipher::~AesCipher() = default;

AesBlock AesCipher::encrypt(const AesKey& key, const AesBlock& block) {
  encryption_->make_ready(key, true);
  return encryption_->process(block);
}

AesBlock AesCipher::decrypt(const AesKey& key, const AesBlock& block) {
  decryption_->make_ready(key, false);
  return decryption_->process(block);
}

AesBlock ghash_multiply(const AesBlock& x, const AesBlock& h) {
  AesBlock product{};
  AesBlock v = h;
  for (unsigned i = 0; i < 128; ++i) {
    if ((x[i / 8] >> (7 - i % 8) & 1) != 0) product = product ^ v;
    const bool carry = (v[15] & 1) != 0;
    for (unsigned j = 15; j > 0; --j) v[j] = static_cast<std::uint8_t>(v[j] >> 1 | v[j - 1] << 7);
    v[0] = static_cast<std::uint8_t>(v[0] >> 1 ^ (carry ? 0xE1 : 0));
  }
  return product;
}

}  // namespace microvisor::board
