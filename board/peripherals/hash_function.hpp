// The hash functions of HASH as what the hardware has of them: a chaining value and a step that takes one
// block of 64 bytes into it (FIPS 180-4 sections 5 and 6, RFC 1321 section 3). Padding is the caller's.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace microvisor::board {

/// In the coding of HASH_CR.ALGO (RM0456 51.6.1).
enum class HashFunction : std::uint8_t { Sha1 = 0, Md5 = 1, Sha224 = 2, Sha256 = 3 };

inline constexpr std::size_t kHashBlock = 64;
/// As numbers; functions with a shorter value leave the last words at zero.
using ChainingValue = std::array<std::uint32_t, 8>;
using HashBlock = std::array<std::uint8_t, kHashBlock>;

[[nodiscard]] ChainingValue initial_value(HashFunction function);
void take_block(HashFunction function, ChainingValue& value, const HashBlock& block);

/// Words of a digest: 4 to 8.
[[nodiscard]] unsigned digest_words(HashFunction function);
/// MD5 counts bytes of words and lengths from the least significant, the SHA family from the most.
[[nodiscard]] constexpr bool little_endian(HashFunction function) { return function == HashFunction::Md5; }

}  // namespace microvisor::board
