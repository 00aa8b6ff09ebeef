#include "board/peripherals/root_key.hpp"

#include <openssl/evp.h>

#include <stdexcept>
#include <string>

#include "board/memory/option_bytes.hpp"

namespace microvisor::board {

std::array<std::uint8_t, 32> root_key(std::uint64_t seed, std::uint32_t option_register) {
  const bool open = (option_register & 0xFF) == optr::kRdpLevel0;
  const std::string text =
      std::string("root hardware unique key ") + (open ? "open " : "protected ") + std::to_string(seed);
  std::array<std::uint8_t, 32> key{};
  if (EVP_Digest(text.data(), text.size(), key.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available on this machine");
  }
  return key;
}

}  // namespace microvisor::board
