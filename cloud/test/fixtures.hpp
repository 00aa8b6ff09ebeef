// What the cloud's tests share: a clock that is set by hand, a store in memory, and made-up resources.
#pragma once

#include <string>
#include <vector>

#include "cloud/accounts/accounts.hpp"
#include "cloud/bus/bus.hpp"
#include "cloud/store/store.hpp"
#include "protocol/bundle/bundle.hpp"

namespace microvisor::cloud::test {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return now_; }
  void advance(Timestamp microseconds) { now_ += microseconds; }

 private:
  Timestamp now_ = 1'700'000'000 * kSecond;  // 2023-11-14T22:13:20Z
};

inline Vault test_vault() {
  std::array<std::uint8_t, 32> key{};
  key.fill(7);
  return Vault(key);
}

/// A store with two accounts.
struct World {
  ManualClock clock;
  Vault vault = test_vault();
  std::unique_ptr<Store> store = open_sqlite_store(":memory:");
  std::unique_ptr<Bus> bus = make_in_process_bus();
  Accounts accounts{*store, vault, clock};
  NewAccount account = Accounts::prepare();
  NewAccount stranger = Accounts::prepare();
  std::vector<LogRecord> records;
  std::vector<DeviceCommand> commands;

  World() {
    accounts.create(account);
    accounts.create(stranger);
    bus->subscribe(Bus::Handler<LogRecord>([this](const LogRecord& record) { records.push_back(record); }));
    bus->subscribe(
        Bus::Handler<DeviceCommand>([this](const DeviceCommand& command) { commands.push_back(command); }));
  }

  App add_app(char fill, std::size_t size = 4000) {
    const auto bundle = protocol::make_bundle(protocol::Bytes(size, static_cast<std::uint8_t>(fill)), {});
    App app;
    app.sid = std::string("KA") + std::string(32, fill);
    app.account_sid = account.sid;
    app.manifest = bundle->manifest;
    app.manifest_hash = protocol::sha256(app.manifest);
    app.created = app.updated = clock.now();
    store->add_app(app,
                   {{bundle->layers[0].hash, bundle->layers[0].bytes}, {app.manifest_hash, app.manifest}});
    return *store->app(account.sid, app.sid);
  }

  Device add_device(char fill) {
    Device device;
    device.sid = std::string("UV") + std::string(32, fill);
    device.account_sid = account.sid;
    device.created = device.updated = clock.now();
    store->add_device(device);
    return *store->device_by_sid(device.sid);
  }

  [[nodiscard]] std::vector<std::string> messages(const std::string& type) const {
    std::vector<std::string> found;
    for (const LogRecord& record : records) {
      if (record.type == type) found.push_back(record.message);
    }
    return found;
  }
};

inline std::string bytes_of(const protocol::Hash& hash) { return {hash.begin(), hash.end()}; }

}  // namespace microvisor::cloud::test
