// mbedTLS's memory: there is no heap.
#include <mbedtls/memory_buffer_alloc.h>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

void initialise_memory(std::span<std::uint8_t> arena) {
  mbedtls_memory_buffer_alloc_init(arena.data(), arena.size());
}

}  // namespace microvisor::firmware::crypto
