#include "board/peripherals/hash_function.hpp"

// OpenSSL's EVP interface hides the chaining value, which HASH saves and restores through its context
// registers; the older one gives it, and is as fast.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <tuple>

namespace microvisor::board {

ChainingValue initial_value(HashFunction function) {
  switch (function) {
    case HashFunction::Md5: return {0x6745'2301, 0xEFCD'AB89, 0x98BA'DCFE, 0x1032'5476};
    case HashFunction::Sha1: return {0x6745'2301, 0xEFCD'AB89, 0x98BA'DCFE, 0x1032'5476, 0xC3D2'E1F0};
    case HashFunction::Sha224:
      return {0xC105'9ED8, 0x367C'D507, 0x3070'DD17, 0xF70E'5939,
              0xFFC0'0B31, 0x6858'1511, 0x64F9'8FA7, 0xBEFA'4FA4};
    default:
      return {0x6A09'E667, 0xBB67'AE85, 0x3C6E'F372, 0xA54F'F53A,
              0x510E'527F, 0x9B05'688C, 0x1F83'D9AB, 0x5BE0'CD19};
  }
}

void take_block(HashFunction function, ChainingValue& value, const HashBlock& block) {
  switch (function) {
    case HashFunction::Md5: {
      MD5_CTX state{};
      std::tie(state.A, state.B, state.C, state.D) = std::tie(value[0], value[1], value[2], value[3]);
      MD5_Transform(&state, block.data());
      value = {state.A, state.B, state.C, state.D};
      break;
    }
    case HashFunction::Sha1: {
      SHA_CTX state{};
      std::tie(state.h0, state.h1, state.h2, state.h3, state.h4) =
          std::tie(value[0], value[1], value[2], value[3], value[4]);
      SHA1_Transform(&state, block.data());
      value = {state.h0, state.h1, state.h2, state.h3, state.h4};
      break;
    }
    default: {
      SHA256_CTX state{};
      std::ranges::copy(value, state.h);
      SHA256_Transform(&state, block.data());
      std::ranges::copy(state.h, value.begin());
    }
  }
}

unsigned digest_words(HashFunction function) {
  switch (function) {
    case HashFunction::Md5: return 4;
    case HashFunction::Sha1: return 5;
    case HashFunction::Sha224: return 7;
    default: return 8;
  }
}

}  // namespace microvisor::board
