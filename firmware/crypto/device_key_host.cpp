// Host tests and host tools have no chip and no key of one: the keys are those of a chip whose hardware key
// is the number that has been set, at first 0.
#include "firmware/crypto/device_key_host.hpp"

#include <array>
#include <utility>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

namespace {

std::function<SealingKey(KeyUse)> keys_of(std::uint8_t number) {
  return [number](KeyUse use) {
    const std::array<std::uint8_t, 2> text{number, static_cast<std::uint8_t>(use)};
    return SealingKey{sha256(text), true};
  };
}

std::function<SealingKey(KeyUse)> host_keys = keys_of(0);

}  // namespace

void set_host_chip(std::uint8_t number) { host_keys = keys_of(number); }
void set_host_chip(std::function<SealingKey(KeyUse)> keys) { host_keys = std::move(keys); }

SealingKey device_key(KeyUse use) { return host_keys(use); }

}  // namespace microvisor::firmware::crypto
