// The journal in a bank 2 from outside, with the device's own code for reading and writing it.
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/upgrader/update_record.hpp"
#include "firmware/vault/boot_record.hpp"
#include "firmware/vault/store.hpp"
#include "firmware/vault/trust_anchors.hpp"
#include "protocol/link/access_point_name.hpp"

namespace microvisor::firmware::image {

namespace {

/// A copy of the vault. Takes writes (mounting the journal writes), which nobody sees but by write_back().
class Snapshot final : public storage::Flash {
 public:
  Snapshot(std::span<const std::uint8_t> bank2, std::span<const std::uint32_t> unreadable)
      : unreadable_(unreadable.begin(), unreadable.end()) {
    const auto vault = bank2.subspan(kVault.address() - kMicrovisorFlash, kVault.size());
    bytes_.assign(vault.begin(), vault.end());
  }

  storage::FlashStatus read_row(std::uint32_t address, storage::Row& row) override {
    const std::uint32_t offset = address - kVault.address();
    if (address < kVault.address() || offset + row.size() > bytes_.size())
      return storage::FlashStatus::Unreadable;
    const std::uint32_t index = (address - kMicrovisorFlash) / storage::kRowSize;
    if (std::find(unreadable_.begin(), unreadable_.end(), index) != unreadable_.end()) {
      return storage::FlashStatus::Unreadable;
    }
    std::memcpy(row.data(), bytes_.data() + offset, row.size());
    return storage::FlashStatus::Ok;
  }
  storage::FlashStatus program_row(std::uint32_t address, const storage::Row& row) override {
    const std::uint32_t offset = address - kVault.address();
    if (address < kVault.address() || offset + row.size() > bytes_.size())
      return storage::FlashStatus::Failed;
    std::memcpy(bytes_.data() + offset, row.data(), row.size());
    return storage::FlashStatus::Ok;
  }
  storage::FlashStatus erase_page(std::uint32_t address) override {
    const std::uint32_t offset = address - kVault.address();
    if (address < kVault.address() || offset + kPageSize > bytes_.size()) return storage::FlashStatus::Failed;
    std::fill_n(bytes_.begin() + offset, kPageSize, std::uint8_t{0xFF});
    return storage::FlashStatus::Ok;
  }
  void write_back(std::span<std::uint8_t> bank2) const {
    std::copy(bytes_.begin(), bytes_.end(), bank2.begin() + (kVault.address() - kMicrovisorFlash));
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> unreadable_;
};

class NoNor final : public storage::Nor {
 public:
  bool read(std::uint32_t, std::span<std::uint8_t>) override { return false; }
  bool program(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  bool erase_sector(std::uint32_t) override { return false; }
  [[nodiscard]] std::uint32_t size() const override { return kNorSize; }
};

const char* name_of(update::Phase phase) {
  switch (phase) {
    case update::Phase::Idle: return "Idle";
    case update::Phase::Fetching: return "Fetching";
    case update::Phase::Staging: return "Staging";
    case update::Phase::Ready: return "Ready";
    case update::Phase::Erasing: return "Erasing";
    case update::Phase::Programming: return "Programming";
    case update::Phase::Verifying: return "Verifying";
    case update::Phase::Installed: return "Installed";
    case update::Phase::Failed: return "Failed";
  }
  return "Unknown";
}

const char* name_of(upgrader::Phase phase) {
  switch (phase) {
    case upgrader::Phase::Idle: return "Idle";
    case upgrader::Phase::Requested: return "Requested";
    case upgrader::Phase::Upgrader: return "Upgrader";
    case upgrader::Phase::Saving: return "Saving";
    case upgrader::Phase::Installing: return "Installing";
    case upgrader::Phase::Trial: return "Trial";
    case upgrader::Phase::Confirmed: return "Confirmed";
    case upgrader::Phase::Refused: return "Refused";
    case upgrader::Phase::Restoring: return "Restoring";
    case upgrader::Phase::Returned: return "Returned";
  }
  return "Unknown";
}

char letter_of(vault::Copy copy) { return copy == vault::Copy::A ? 'A' : 'B'; }

}  // namespace

JournalState read_update_journal(std::span<const std::uint8_t> bank2,
                                 std::span<const std::uint32_t> unreadable) {
  Snapshot flash(bank2, unreadable);
  NoNor nor;
  vault::Store store(flash);
  JournalState state;
  if (store.mount() != vault::StoreStatus::Ok) return state;
  const crypto::SealingKey no_key;  // phase and application are not sealed
  update::Updater updater(flash, nor, store, no_key, 0);
  updater.mount();
  state.phase = name_of(updater.phase());
  state.target = updater.target();
  if (updater.installed()) state.installed = updater.installed()->manifest_hash;
  state.damaged_rows = store.damaged_rows();
  const upgrader::UpdateRecord kernel = upgrader::load_update(store);
  state.kernel_phase = name_of(kernel.phase);
  state.kernel_error = static_cast<std::uint32_t>(kernel.error);
  const vault::BootRecord boot = vault::read_boot_record(flash);
  state.bootrom = letter_of(boot.bootrom);
  state.upgrader = letter_of(boot.upgrader);
  state.on_trial = boot.on_trial;
  return state;
}

std::vector<std::uint64_t> read_manifest_signers(std::span<const std::uint8_t> bank2,
                                                 std::span<const std::uint32_t> unreadable) {
  Snapshot flash(bank2, unreadable);
  vault::TrustAnchors anchors;
  std::vector<std::uint64_t> ids;
  if (!vault::read_trust_anchors(flash, anchors)) return ids;
  for (std::uint32_t i = 0; i < anchors.count; ++i)
    ids.push_back(crypto::manifest_key_id(anchors.manifest_signers[i]));
  return ids;
}

namespace {

/// Nothing that a factory writes is sealed: the key is made by the chip.
void put_record(std::span<std::uint8_t> bank2, vault::Key key, std::span<const std::uint8_t> value) {
  Snapshot flash(bank2, {});
  vault::Store store(flash);
  if (store.mount() != vault::StoreStatus::Ok || store.put(key, value) != vault::StoreStatus::Ok)
    throw std::invalid_argument("the vault's journal does not take a record");
  flash.write_back(bank2);
}

}  // namespace

void begin_factory_test(std::span<std::uint8_t> bank2) {
  constexpr std::array<std::uint8_t, 4> kTesting{static_cast<std::uint8_t>(vault::FactoryTest::Testing)};
  put_record(bank2, vault::Key::FactoryTest, kTesting);
}

void set_access_point_name(std::span<std::uint8_t> bank2, std::string_view name) {
  if (!protocol::is_access_point_name(name)) throw std::invalid_argument("not an access point name");
  put_record(bank2, vault::Key::AccessPointName,
             {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

}  // namespace microvisor::firmware::image
