// A device for tests of the link: the firmware's own link engine and updater, over memory instead of flash
// and NOR, and over a modelled line instead of LPUART1. The kernel's part is played by this class, which
// records what it is told.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "firmware/crypto/debug_crypto.hpp"
#include "firmware/kernel/link/link_engine.hpp"
#include "firmware/kernel/resident/connectivity.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/upgrader/kernel_updater.hpp"
#include "tests/link/modelled_line.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::test {

/// Both banks of the flash, rows that can be programmed once.
class MemoryFlash final : public firmware::storage::Flash {
 public:
  firmware::storage::FlashStatus read_row(std::uint32_t address, firmware::storage::Row& row) override;
  firmware::storage::FlashStatus program_row(std::uint32_t address,
                                             const firmware::storage::Row& row) override;
  firmware::storage::FlashStatus erase_page(std::uint32_t address) override;
  std::span<const std::uint8_t> in_place(std::uint32_t address, std::uint32_t size) override {
    return {at(address), size};
  }

 private:
  std::uint8_t* at(std::uint32_t address);
  std::vector<std::uint8_t> bank1_ = std::vector<std::uint8_t>(1 << 20, 0xFF);
  std::vector<std::uint8_t> bank2_ = std::vector<std::uint8_t>(1 << 20, 0xFF);
};

class MemoryNor final : public firmware::storage::Nor {
 public:
  bool read(std::uint32_t offset, std::span<std::uint8_t> out) override;
  bool program(std::uint32_t offset, std::span<const std::uint8_t> data) override;
  bool erase_sector(std::uint32_t offset) override;
  [[nodiscard]] std::uint32_t size() const override { return static_cast<std::uint32_t>(bytes_.size()); }

 private:
  friend class TestDevice;
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(8 << 20, 0xFF);
};

/// No session is ever admitted, so nothing of it is asked.
class NothingToDebug final : public firmware::debugger::Application {
 public:
  void attach() override {}
  void detach() override {}
  void look_after() override {}
  firmware::debugger::RunState state() override { return firmware::debugger::RunState::NotStarted; }
  firmware::debugger::StopNote last_stop() override { return {}; }
  std::uint32_t starts() override { return 0; }
  std::uint8_t wake_reason() override { return 0; }
  std::uint32_t kernel_version_number() override { return 0; }
  bool read_registers(protocol::debug::Registers&) override { return false; }
  bool write_register(std::uint8_t, std::uint32_t) override { return false; }
  firmware::debugger::Access read_memory(std::uint32_t, std::span<std::uint8_t>, std::uint8_t) override {
    return firmware::debugger::Access::Refused;
  }
  firmware::debugger::Access write_memory(std::uint32_t, std::span<const std::uint8_t>,
                                          std::uint8_t) override {
    return firmware::debugger::Access::Refused;
  }
  std::uint32_t readable(std::uint32_t, std::uint32_t) override { return 0; }
  bool set_breakpoints(std::span<const std::uint32_t>) override { return false; }
  bool set_watchpoints(std::span<const protocol::debug::Watchpoint>) override { return false; }
  void resume(firmware::debugger::ResumeKind, std::uint32_t, std::uint32_t) override {}
  void halt() override {}
  void restart(bool) override {}
};

inline constexpr const char* kDeviceSid = "UV00112233445566778899aabbccddeeff";

class TestDevice final : public firmware::link::LinkHost {
 public:
  /// Provisioned for this gateway; `owner` signs what it installs.
  TestDevice(ModelledLine& line, TestGateway& gateway, const firmware::crypto::PublicKey& owner);
  ~TestDevice() = default;

  /// Runs the link until `done` says so, or for `seconds` of virtual time. True if `done` did. At its end the
  /// device hangs up, and what is under way then may be lost: what is to happen in the middle of a connection
  /// belongs into ModelledLine::meanwhile.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, unsigned seconds = 120);
  /// As the chip's reset does it: link and updater begin anew, flash, NOR and modem stay. Installs what is
  /// pending.
  void reset();

  /// As mvSetWifiConfig does it. An empty name clears.
  void set_wifi(std::string_view ssid, std::string_view password);

  /// As `microvisor apn` does it. An empty name clears.
  void set_apn(std::string_view name) {
    apn_.length = static_cast<std::uint8_t>(name.copy(apn_.text.data(), apn_.text.size()));
  }

  /// Has it in the kernel's pages, verified by the bootrom, from the next reset() on.
  void install_kernel(const protocol::Bytes& image);

  /// Memory that a reset leaves alone.
  [[nodiscard]] std::vector<std::uint8_t>& retained() { return retained_; }

  [[nodiscard]] firmware::link::LinkEngine& engine() { return *engine_; }
  [[nodiscard]] firmware::update::Updater& updater() override { return *updater_; }
  [[nodiscard]] firmware::upgrader::KernelUpdater& kernel_updater() override { return *kernel_updater_; }

  [[nodiscard]] firmware::storage::Flash& flash() { return flash_; }
  /// A byte of the external flash decays.
  void damage_nor(std::uint32_t offset) { nor_.bytes_[offset] ^= 0x10; }
  [[nodiscard]] firmware::vault::Store& store() { return *store_; }

  firmware::vault::Identity identity_record;  // may be changed before the first run_until()
  firmware::crypto::PublicKey vendor{};       // whose kernels it accepts
  firmware::crypto::Digest running_kernel{};  // its manifest; counts from the next reset() on
  std::uint32_t ratchet = 0;                  // likewise
  protocol::BootEvidence evidence;            // what its bootrom has measured
  bool wanted = true;
  std::optional<firmware::kernel::Connectivity> policy;  // decides when the device is not `wanted`
  std::deque<std::string> log;                           // records waiting to be sent
  std::deque<std::string> events;
  std::deque<protocol::Bytes> crashes;
  bool crashes_tampered = false;  // what is read is not what was written
  std::vector<firmware::link::NetworkStatus> statuses;
  std::uint64_t wall_time = 0;
  std::optional<bool> logging;
  std::vector<std::uint32_t> endpoints;
  unsigned restarts = 0;
  unsigned installs = 0;
  unsigned withdrawals = 0;
  // One channel, slot 0.
  std::uint32_t channel_id = 0;
  microvisor_link_Service channel_service = microvisor_link_Service_SERVICE_CHANNEL;
  std::size_t channel_buffer = 512;  // for what it receives, bytes
  std::string channel_input;         // what has arrived there and has not been read
  bool channel_closing = false;
  std::string channel_endpoint = "log";
  std::string channel_output;
  std::optional<firmware::link::ChannelEnd> channel_end;
  unsigned channels_released = 0;
  firmware::net::PacketQueues* queues = nullptr;  // of a network interface; counts from the next reset() on

  // LinkHost
  void gateway_reached() override {}
  const firmware::vault::Identity& identity() override { return identity_record; }
  const firmware::vault::TrustAnchors& anchors() override { return anchors_; }
  firmware::vault::LayerKeys layer_keys() override;
  firmware::manifest::KeysError change_keys(std::span<const std::uint8_t> message) override;
  firmware::link::DeviceFacts facts() override;
  protocol::BootEvidence boot_evidence() override { return evidence; }
  bool network_wanted() override;
  void network_status_changed(firmware::link::NetworkStatus status) override;
  void wall_time_received(std::uint64_t unix_microseconds) override { wall_time = unix_microseconds; }
  void logging_allowed(bool allowed) override { logging = allowed; }
  void endpoints_known(std::span<const std::uint32_t> hashes) override {
    endpoints.assign(hashes.begin(), hashes.end());
  }
  void restart_application() override { ++restarts; }
  void install_update() override { ++installs; }
  void withdraw_update() override { ++withdrawals; }
  void settled() override;
  std::uint64_t wish_changes_at() override;
  firmware::net::WifiCredentials wifi_credentials() override { return wifi_; }
  bool set_wifi(const firmware::net::WifiCredentials& wifi) override;
  firmware::net::AccessPointName access_point_name() override { return apn_; }
  bool set_access_point_name(const firmware::net::AccessPointName& apn) override {
    apn_ = apn;
    return true;
  }
  std::uint32_t wifi_changes() override { return wifi_changes_; }
  bool take_log_record(firmware::link::LogRecord& record) override;
  bool take_event(firmware::link::DeviceEvent& event) override;
  std::uint32_t crash_report_size() override {
    return crashes.empty() ? 0 : static_cast<std::uint32_t>(crashes.front().size());
  }
  firmware::crypto::Digest crash_report_hash() override {
    return crashes.empty() ? firmware::crypto::Digest{} : firmware::crypto::sha256(crashes.front());
  }
  bool crash_report_read(std::uint32_t offset, std::span<std::uint8_t> into) override;
  void crash_report_delivered() override { crashes.pop_front(); }
  firmware::link::Channel channel(unsigned slot) override;
  std::size_t channel_read(unsigned slot, std::span<std::uint8_t> into) override;
  std::size_t channel_space(unsigned slot) override {
    return slot == 0 && !channel_end ? channel_buffer - channel_input.size() : 0;
  }
  void channel_received(unsigned, std::span<const std::uint8_t> bytes) override {
    channel_input.append(bytes.begin(), bytes.end());
    if (channel_input.size() > channel_buffer) throw std::runtime_error("more than there was room for");
  }
  void channel_ended(unsigned, firmware::link::ChannelEnd reason) override {
    if (!channel_end) channel_end = reason;  // the first counts, as in the kernel
  }
  void channel_released(unsigned slot) override;
  firmware::net::PacketQueues* packet_queues() override { return queues; }
  firmware::link::DebugAdmission debug_admission() override { return {}; }
  firmware::debugger::Application& debugged_application() override { return nothing_to_debug_; }
  protocol::debug::Crypto& debug_crypto() override { return debug_crypto_; }
  void debugger_attached(bool) override {}
  std::optional<protocol::debug::EndReason> reset_is_near() override { return std::nullopt; }

 private:
  void build();
  [[nodiscard]] bool wish();

  ModelledLine& line_;
  firmware::net::WifiCredentials wifi_;
  firmware::net::AccessPointName apn_;
  std::uint32_t wifi_changes_ = 0;
  NothingToDebug nothing_to_debug_;
  firmware::crypto::DebugCrypto debug_crypto_;
  firmware::vault::TrustAnchors anchors_;
  // Power-on leaves anything.
  std::vector<std::uint8_t> retained_ =
      std::vector<std::uint8_t>(firmware::net::TlsClient::kSessionMemory, 0xA5);
  MemoryFlash flash_;
  MemoryNor nor_;
  const firmware::crypto::SealingKey staging_key_ =
      firmware::crypto::device_key(firmware::crypto::KeyUse::Staging);
  std::optional<firmware::vault::Store> store_;
  std::optional<firmware::update::Updater> updater_;
  std::optional<firmware::upgrader::KernelUpdater> kernel_updater_;
  std::unique_ptr<firmware::link::LinkEngine> engine_;
  std::function<bool()> done_;
  std::uint64_t deadline_ = 0;
  protocol::Bytes kernel_image_;  // in the kernel's pages
  bool reached_ = false;
};

}  // namespace microvisor::test
