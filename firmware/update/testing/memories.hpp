// What all tests of updates begin with: the memories of a device behind one power supply, what a start opens
// on them, and bytes to put there.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::update::testing {

using storage::testing::FlashModel;
using storage::testing::NorModel;
using storage::testing::PowerSupply;

/// A copy is another device with the same contents and a power supply of its own.
struct Memories {
  explicit Memories(std::uint32_t nor_size) : flash(power), nor(power, nor_size) {}
  Memories(const Memories& other) : flash(other.flash, power), nor(other.nor, power) {}
  Memories& operator=(const Memories&) = delete;
  ~Memories() = default;

  PowerSupply power;
  FlashModel flash;
  NorModel nor;
};

/// The vault as a start opens it, and the keys that the chip derives for what it holds.
struct OpenedVault {
  explicit OpenedVault(FlashModel& flash) : store(flash) {
    store.seal_with(journal_key);
    mounted = store.mount() == vault::StoreStatus::Ok;
  }

  const crypto::SealingKey journal_key = crypto::device_key(crypto::KeyUse::Journal);
  const crypto::SealingKey staging_key = crypto::device_key(crypto::KeyUse::Staging);
  vault::Store store;
  bool mounted = false;
};

/// And the staging area.
struct OpenedStaging : OpenedVault {
  explicit OpenedStaging(Memories& device)
      : OpenedVault(device.flash), staging(device.nor, store, staging_key, nullptr) {
    EXPECT_TRUE(mounted);
    staging.mount();
  }

  Staging staging;
};

/// Bytes that depend on `seed`, every fifth 64 of them blank.
inline std::vector<std::uint8_t> varied_bytes(std::size_t size, std::uint32_t seed) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes[i] = i / 64 % 5 == 3 ? std::uint8_t{0xFF} : static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

}  // namespace microvisor::firmware::update::testing
