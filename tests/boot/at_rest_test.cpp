// What a device keeps while it has no power, for somebody who holds its external flash, or a copy of all its
// memories: nothing to be read, nothing to be used in another chip, and no older copy to be put back.
//
// The device is the shipped firmware on the virtual board, provisioned and updated over the air by a gateway
// in this process.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "cli/factory.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/vault/store.hpp"
#include "tests/boot/chip_keys.hpp"
#include "tests/faults/application_update.hpp"
#include "tests/faults/updating_device.hpp"

namespace microvisor::tests {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::uint64_t kSeed = 7;
constexpr std::size_t kSize = 7'000;  // of the application, bytes
constexpr Version kOld = Version::Old, kNew = Version::New;

Bytes nor_of(board::BoardMemories& memories) {
  const board::NorArray nor = memories.nor().array();
  Bytes bytes(firmware::kApplicationNor);  // Microvisor's part
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = nor.read(i);
  return bytes;
}

void put_back(board::BoardMemories& memories, const Bytes& copy) {
  board::NorArray nor = memories.nor().array();
  for (std::size_t i = 0; i < copy.size(); ++i) nor.poke(i, copy[i]);
}

Bytes bank_2_of(board::BoardMemories& memories) {
  const auto cells = memories.flash().array().subspan(board::kFlashBankSize, board::kFlashBankSize);
  return {cells.begin(), cells.end()};
}

bool contains(const Bytes& memory, std::span<const std::uint8_t> bytes) {
  const std::boyer_moore_searcher searcher(bytes.begin(), bytes.end());
  return std::search(memory.begin(), memory.end(), searcher) != memory.end();
}

class AtRest : public ::testing::Test {
 protected:
  /// A life in which `version` is deployed, or is there.
  board::BoardMemories updated(board::BoardMemories memories, Version version) {
    server.offer(version);
    UpdatingDevice device(server, std::move(memories));
    EXPECT_EQ(device.run_until_complete(version), "");
    return device.switch_off();
  }
  /// Runs until `done` says so; false after two minutes of board time.
  static bool run_until(UpdatingDevice& device, const std::function<bool()>& done) {
    constexpr board::Time kSlice = board::kTicksPerSecond / 100;
    const board::Time end = device.board().scheduler().now() + 120 * board::kTicksPerSecond;
    while (!done() && device.board().scheduler().now() < end) {
      const auto end_of_run = device.board().run({.until = device.board().scheduler().now() + kSlice});
      if (end_of_run != board::RunEnd::Limit && end_of_run != board::RunEnd::Stopped) return false;
    }
    return done();
  }
  [[nodiscard]] bool reported(const std::string& state) {
    const auto reports = server.gateway().seen().reports;
    return std::find(reports.begin(), reports.end(), state) != reports.end();
  }
  /// Switched off when the new application is staged and verified, and not installed yet. `again`: it has
  /// failed, and is deployed anew when the device has connected.
  board::BoardMemories ready_for_new(board::BoardMemories memories, bool again = false) {
    server.offer(kNew);
    const unsigned sessions = server.gateway().seen().sessions;
    UpdatingDevice device(server, std::move(memories));
    if (again) {
      EXPECT_TRUE(run_until(device, [&] { return server.gateway().seen().sessions != sessions; }));
      server.offer(kNew);
    }
    EXPECT_TRUE(run_until(device, [&] { return journal_of(device.memories()).phase == "Ready"; }));
    return device.switch_off();
  }

  ApplicationUpdate server{AT_REST_APPLICATION, kSize, 0, kSeed};
};

TEST_F(AtRest, ADumpShowsNeitherThePrivateKeyNorTheApplication) {
  board::BoardMemories memories = server.factory_board();
  const std::span private_key(server.identity().device_private_key);
  ASSERT_TRUE(contains(bank_2_of(memories), private_key)) << "the factory writes it as it is";
  memories = ready_for_new(updated(std::move(memories), kOld));
  const Bytes nor = nor_of(memories), bank2 = bank_2_of(memories);
  EXPECT_FALSE(contains(bank2, private_key));
  EXPECT_FALSE(contains(nor, private_key));
  for (const Version version : {kOld, kNew}) {
    const protocol::Bytes& image = server.of(version).image;
    // The last KiB is random, so it cannot stand there by accident.
    for (std::size_t at = image.size() - 1'000; at + 12 <= image.size(); at += 100) {
      EXPECT_FALSE(contains(nor, std::span(image).subspan(at, 12))) << to_string(version) << " at " << at;
      EXPECT_FALSE(contains(bank2, std::span(image).subspan(at, 12))) << to_string(version) << " at " << at;
    }
  }
  (void)updated(std::move(memories), kNew);
}

TEST_F(AtRest, TheKeysAreTheSameAtEveryStartAndTheChipsOwn) {
  // Worked out from the chip's root key as the manual describes DHUK, and tried on what the device has
  // written.
  board::BoardMemories memories = ready_for_new(updated(server.factory_board(), kOld));
  alignas(8) static std::array<std::uint8_t, 16 * 1024> arena;
  firmware::crypto::initialise_memory(arena);
  const auto journal = bank_2_of(memories);
  firmware::storage::testing::PowerSupply power;
  firmware::storage::testing::FlashModel flash(power);
  std::copy(journal.begin(), journal.end(),
            flash.bytes(firmware::kMicrovisorFlash, board::kFlashBankSize).begin());
  const auto boots = [&](const firmware::crypto::SealingKey& key, std::uint64_t& count) {
    firmware::vault::Store store(flash);
    store.seal_with(key);
    EXPECT_EQ(store.mount(), firmware::vault::StoreStatus::Ok);
    std::array<std::uint8_t, 8> value{};
    std::size_t size = 0;
    const auto status = store.get(firmware::vault::Key::BootCount, value, size);
    std::memcpy(&count, value.data(), sizeof count);
    return status == firmware::vault::StoreStatus::Ok;
  };
  using firmware::crypto::KeyUse;
  std::uint64_t count = 0;
  ASSERT_TRUE(boots(chip_key(kSeed, KeyUse::Journal), count));
  EXPECT_EQ(count, 3u) << "written once at each start: first, with the application, and this one";
  EXPECT_FALSE(boots(chip_key(kSeed, KeyUse::Staging), count)) << "another use, another key";
  EXPECT_FALSE(boots(chip_key(kSeed + 1, KeyUse::Journal), count)) << "another chip";
}

TEST_F(AtRest, AllMemoriesInAnotherChipAreNoDevice) {
  board::BoardMemories memories = updated(server.factory_board(), kOld);
  board::BoardMemories clone =
      std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(kSeed + 1)));
  cli::program(clone.flash(), {bank_2_of(memories), firmware::image::option_bytes()});
  clone.flash().load(0, memories.flash().array().first(board::kFlashBankSize));
  put_back(clone, nor_of(memories));
  const unsigned before = server.gateway().seen().connections;
  UpdatingDevice device(server, std::move(clone));
  EXPECT_FALSE(run_until(device, [&] { return server.gateway().seen().connections != before; }));
  EXPECT_EQ(server.shown(), kOld) << "an application needs no secret";
}

TEST_F(AtRest, AnOlderNorPutBackIsRefusedAndTheDeviceUpdatesAgain) {
  board::BoardMemories memories = ready_for_new(updated(server.factory_board(), kOld));
  const Bytes older = nor_of(memories);
  // The same objects come into the same sectors a second time, because somebody has wiped the external flash.
  put_back(memories, Bytes(older.size(), 0xFF));
  {
    UpdatingDevice device(server, std::move(memories));
    ASSERT_TRUE(run_until(device, [&] { return reported("FAILED 2"); })) << "UPDATE_ERROR_HASH";
    memories = device.switch_off();
  }
  memories = ready_for_new(std::move(memories), true);
  put_back(memories, older);
  UpdatingDevice device(server, std::move(memories));
  ASSERT_TRUE(run_until(device, [&] { return reported("FAILED 9"); })) << "UPDATE_ERROR_OLD_STAGING";
  EXPECT_EQ(server.shown(), kOld);
  server.offer(kNew);  // by the owner, who knows now
  EXPECT_EQ(device.run_until_complete(kNew), "");
}

TEST_F(AtRest, AnOlderVaultIsRefusedAndTheDeviceUpdatesAgain) {
  board::BoardMemories memories = updated(server.factory_board(), kOld);
  // A kernel of security ratchet 1 has been confirmed, and then the vault of the time before is put back.
  std::ifstream file(RATCHET_1_MANIFEST, std::ios::binary);
  const Bytes manifest{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(manifest.empty());
  const auto cell = [](std::uint32_t address) {
    return board::kFlashBankSize + address - firmware::kMicrovisorFlash;
  };
  Bytes trailer(firmware::kKernelTrailerSize, 0xFF);
  const firmware::KernelTrailer header{firmware::kKernelTrailerMagic,
                                       firmware::image::image_sizes().kernel_flash,
                                       static_cast<std::uint32_t>(manifest.size()), 0};
  std::memcpy(trailer.data(), &header, sizeof header);
  std::copy(manifest.begin(), manifest.end(), trailer.begin() + sizeof header);
  memories.flash().load(cell(firmware::kKernelTrailer), trailer);
  memories.flash().load(board::kOtpCells, Bytes(board::kFlashRowSize, 0));
  UpdatingDevice device(server, std::move(memories));
  ASSERT_TRUE(run_until(device, [&] { return reported("FAILED 10"); })) << "UPDATE_ERROR_OLD_VAULT";
  EXPECT_FALSE(server.shown()) << "the vault's word on what is installed does not count";
  server.offer(kOld);
  EXPECT_EQ(device.run_until_complete(kOld), "");
}

}  // namespace
}  // namespace microvisor::tests
