// ECDH on P-256 (SEC 1 section 3.3.1), for whatever agrees on keys: encryption to a receiver, debug sessions.
//
// Kernel only. Runs where TLS's runs (on the device the PKA), so only the worker may use it.
#pragma once

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

/// A fresh pair of keys. False: no random numbers, no memory, or the arithmetic unit failed.
[[nodiscard]] bool p256_generate(PrivateKey& key, PublicKey& point);

/// Shared X coordinate of `key` and `peer`. False: `peer` is no point of the curve, `key` is out of range, or
/// memory or the arithmetic unit failed.
[[nodiscard]] bool p256_agree(const PrivateKey& key, const PublicKey& peer, Digest& shared);

}  // namespace microvisor::firmware::crypto
