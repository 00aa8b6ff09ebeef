#include "tests/boot/earlier_life.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <vector>

#include "firmware/layout.hpp"
#include "firmware/preboot/requests.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/vault/store.hpp"
#include "tests/boot/chip_keys.hpp"

namespace microvisor::tests {
namespace {

namespace fw = firmware;
using fw::storage::testing::FlashModel;
using fw::storage::testing::NorModel;
using fw::storage::testing::PowerSupply;

void require(bool done) {
  if (!done) throw std::runtime_error("the memories of a device do not take what is to be in them");
}

/// The factory's vault, opened, changed by `work`, and put into the device.
void change_vault(Device& device, PowerSupply& power,
                  const std::function<void(FlashModel&, fw::vault::Store&)>& work) {
  FlashModel flash(power);
  const fw::image::FlashImage factory = factory_image();
  const auto vault = std::span(factory.bank2).subspan(fw::kVault.address() - fw::kMicrovisorFlash);
  std::array<std::uint8_t, 16> row{};
  std::copy_n(vault.begin(), row.size(), row.begin());  // the factory's boot record
  require(flash.program_row(fw::kVaultBootRecord.address(), row) == fw::storage::FlashStatus::Ok);
  const fw::crypto::SealingKey journal_key = chip_key(kDeviceSeed, fw::crypto::KeyUse::Journal);
  fw::vault::Store store(flash);
  store.seal_with(journal_key);
  require(store.mount() == fw::vault::StoreStatus::Ok);
  work(flash, store);
  for (const fw::Pages pages : {fw::kVaultBootRecord, fw::kVaultJournal})
    device.write(pages.address(), flash.bytes(pages.address(), pages.size()));
}

/// Returns the manifest's hash.
fw::crypto::Digest stage(fw::update::Staging& staging, const Release& release) {
  std::vector<fw::crypto::Digest> keep;
  for (const Bytes* object : {&release.envelope, &release.kernel, &release.bootrom, &release.upgrader}) {
    keep.push_back(fw::crypto::sha256(*object));
    std::uint32_t offset = 0;
    require(staging.open(keep.back(), static_cast<std::uint32_t>(object->size()), keep, offset) ==
                fw::update::StagingStatus::Ok &&
            staging.write(*object) == fw::update::StagingStatus::Ok &&
            staging.finish() == fw::update::StagingStatus::Ok);
  }
  return keep.front();
}

}  // namespace

void ask_for(Device& device, const Release& release, fw::upgrader::Phase phase) {
  PowerSupply power;
  NorModel nor(power, fw::kStagingSize);
  const fw::crypto::SealingKey staging_key = chip_key(kDeviceSeed, fw::crypto::KeyUse::Staging);
  change_vault(device, power, [&](FlashModel& flash, fw::vault::Store& store) {
    fw::update::Staging staging(nor, store, staging_key, nullptr);
    staging.mount();
    fw::upgrader::UpdateRecord record;
    record.phase = phase;
    record.target = stage(staging, release);
    require(fw::upgrader::save_update(store, record) && fw::ask_for_upgrade(flash));
  });
  device.write_nor(fw::kStaging, nor.bytes());
}

void record_application(Device& device, std::uint32_t size, const fw::crypto::Digest& hash) {
  PowerSupply power;
  change_vault(device, power, [&](FlashModel&, fw::vault::Store& store) {
    std::array<std::uint8_t, 72> value{1};  // format, extent, hash of the manifest, hash of the extent
    fw::storage::put32(value, 4, size);
    std::ranges::copy(hash, value.begin() + 40);
    require(store.put(fw::vault::Key::InstalledApplication, value) == fw::vault::StoreStatus::Ok);
  });
}

}  // namespace microvisor::tests
