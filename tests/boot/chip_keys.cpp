// docs/boot.md, Keys of the chip: the text "Microvisor key", the use, the number of the half; each half of
// the key is one block of it under DHUK, 256 bits, ECB.
#include "tests/boot/chip_keys.hpp"

#include <algorithm>

#include "board/peripherals/root_key.hpp"
#include "board/peripherals/saes.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::tests {

firmware::crypto::SealingKey chip_key(std::uint64_t seed, firmware::crypto::KeyUse use) {
  // SAES_CR (RM0456 section 50.7.1): KEYSEL = DHUK, KEYSIZE = 256 bits; KMOD, KSHAREID and CHMOD (ECB) are 0.
  constexpr std::uint32_t kControl = 1U << 28 | 1U << 18;
  const auto root = board::root_key(seed, firmware::image::option_bytes().optr);
  const board::AesKey hardware = board::Saes::chip_key(root, true, true, kControl);
  board::AesCipher cipher;
  firmware::crypto::SealingKey key{{}, true};
  for (std::uint8_t half = 0; half < 2; ++half) {
    board::AesBlock text{'M', 'i', 'c', 'r', 'o', 'v', 'i', 's', 'o', 'r', ' ', 'k', 'e', 'y'};
    text[14] = static_cast<std::uint8_t>(use);
    text[15] = half;
    const board::AesBlock block = cipher.encrypt(hardware, text);
    std::copy(block.begin(), block.end(), key.bytes.begin() + 16 * half);
  }
  return key;
}

}  // namespace microvisor::tests
