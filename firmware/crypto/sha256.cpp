// SHA-256 through mbedTLS. The context lives inside the caller's object, so nothing is allocated.
#include "firmware/crypto/crypto.hpp"

#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/sha256.h>

#include <new>

namespace microvisor::firmware::crypto {

namespace {

mbedtls_sha256_context* context(std::array<std::byte, 112>& state) {
  static_assert(sizeof(mbedtls_sha256_context) <= sizeof state && alignof(mbedtls_sha256_context) <= 8);
  return std::launder(reinterpret_cast<mbedtls_sha256_context*>(state.data()));
}

}  // namespace

Sha256::Sha256() {
  new (state_.data()) mbedtls_sha256_context;
  mbedtls_sha256_init(context(state_));
  (void)mbedtls_sha256_starts_ret(context(state_), 0);
}

Sha256::~Sha256() { mbedtls_sha256_free(context(state_)); }

Sha256::Sha256(const Sha256& other) : state_(other.state_) {}

Sha256& Sha256::operator=(const Sha256& other) = default;

void Sha256::update(std::span<const std::uint8_t> data) {
  (void)mbedtls_sha256_update_ret(context(state_), data.data(), data.size());
}

Digest Sha256::finish() {
  Digest digest{};
  (void)mbedtls_sha256_finish_ret(context(state_), digest.data());
  return digest;
}

Digest sha256(std::span<const std::uint8_t> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

Verdict equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return Verdict::Invalid;
  // The verdict is computed from all bytes rather than chosen by one branch: it is Valid only if every
  // difference is zero and the loop ran to its end.
  volatile std::uint32_t difference = 0;
  volatile std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = difference | static_cast<std::uint32_t>(a[i] ^ b[i]);
    count = count + 1;
  }
  if (difference != 0 || count != a.size()) return Verdict::Invalid;
  return static_cast<Verdict>(static_cast<std::uint32_t>(Verdict::Valid) ^ difference);
}

std::uint64_t manifest_key_id(const PublicKey& key) {
  const std::array<std::uint8_t, 2> type{0, 0};
  Sha256 hash;
  hash.update(type);
  hash.update(key);
  const Digest digest = hash.finish();
  std::uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = (id << 8) | digest[i];
  return id;
}

void initialise_memory(std::span<std::uint8_t> arena) {
  mbedtls_memory_buffer_alloc_init(arena.data(), arena.size());
}

}  // namespace microvisor::firmware::crypto
