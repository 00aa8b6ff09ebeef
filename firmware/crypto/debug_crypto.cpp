// Made of what the kernel has anyway.
#include "firmware/crypto/debug_crypto.hpp"

#include "firmware/crypto/agreement.hpp"
#include "firmware/crypto/gcm.hpp"

namespace microvisor::firmware::crypto {

namespace {

/// One message through AES-256-GCM. `tag` is what the key makes of it.
bool run(Gcm::Direction direction, const protocol::debug::CipherKey& bytes,
         const protocol::debug::CipherNonce& nonce, std::span<const std::uint8_t> associated,
         std::span<std::uint8_t> data, SealTag& tag) {
  SealingKey key{bytes, true};
  bool done = false;
  {
    Gcm gcm(key, direction, associated, nonce);
    done = gcm.update(data) && gcm.finish(tag);
  }
  for (volatile std::uint8_t& byte : key.bytes) byte = 0;
  return done;
}

}  // namespace

Digest DebugCrypto::sha256(Parts parts) {
  Sha256 hash;
  for (const auto part : parts) hash.update(part);
  return hash.finish();
}

bool DebugCrypto::generate(PrivateKey& secret, PublicKey& point) { return p256_generate(secret, point); }

bool DebugCrypto::agree(const PrivateKey& secret, const PublicKey& peer, Digest& shared) {
  return is_p256_point(peer) && p256_agree(secret, peer, shared);
}

bool DebugCrypto::encrypt(const protocol::debug::CipherKey& key, const protocol::debug::CipherNonce& nonce,
                          std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                          protocol::debug::Tag& tag) {
  return run(Gcm::Direction::Encrypt, key, nonce, associated, data, tag);
}

bool DebugCrypto::decrypt(const protocol::debug::CipherKey& key, const protocol::debug::CipherNonce& nonce,
                          std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                          const protocol::debug::Tag& tag) {
  SealTag computed{};
  if (!run(Gcm::Direction::Decrypt, key, nonce, associated, data, computed)) return false;
  std::uint32_t difference = 0;  // looked at as a whole: the time says nothing about the place
  for (std::size_t i = 0; i < tag.size(); ++i) difference |= static_cast<std::uint32_t>(tag[i] ^ computed[i]);
  return difference == 0;
}

}  // namespace microvisor::firmware::crypto
