// Keys of the device: SAES encrypts a text that names the use under the chip's hardware unique key (DHUK),
// and the ciphertext is the key. Nothing has to be stored, so nothing can be torn, lost or copied to another
// chip; DHUK itself is seen by no software.
#include <algorithm>

#include "firmware/crypto/seal.hpp"
#include "firmware/drivers/stm32u5/saes.hpp"

namespace microvisor::firmware::crypto {

SealingKey device_key(KeyUse use) {
  constexpr std::size_t kUse = 14, kPart = 15;
  stm32u5::SaesBlock text{'M', 'i', 'c', 'r', 'o', 'v', 'i', 's', 'o', 'r', ' ', 'k', 'e', 'y'};
  text[kUse] = static_cast<std::uint8_t>(use);
  SealingKey key;
  key.good = stm32u5::start_saes();
  for (std::size_t at = 0; key.good && at < key.bytes.size(); at += text.size()) {
    text[kPart] = static_cast<std::uint8_t>(at / text.size());
    stm32u5::SaesBlock block = text;
    key.good = stm32u5::saes_encrypt_with_hardware_key(block);
    std::copy(block.begin(), block.end(), key.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  stm32u5::stop_saes();
  return key;
}

}  // namespace microvisor::firmware::crypto
