// See test_device.hpp.
#include "tests/link/test_device.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace microvisor::test {

using firmware::storage::FlashStatus;
using firmware::storage::Row;

std::uint8_t* MemoryFlash::at(std::uint32_t address) {
  if (address >= firmware::kMicrovisorFlash && address < firmware::kMicrovisorFlash + bank2_.size()) {
    return &bank2_[address - firmware::kMicrovisorFlash];
  }
  if (address >= firmware::kApplicationFlash && address < firmware::kApplicationFlash + bank1_.size()) {
    return &bank1_[address - firmware::kApplicationFlash];
  }
  throw std::runtime_error("no flash there");
}

FlashStatus MemoryFlash::read_row(std::uint32_t address, Row& row) {
  std::copy_n(at(address), row.size(), row.begin());
  return FlashStatus::Ok;
}

FlashStatus MemoryFlash::program_row(std::uint32_t address, const Row& row) {
  std::uint8_t* const target = at(address);
  if (!std::all_of(target, target + row.size(), [](std::uint8_t byte) { return byte == 0xFF; })) {
    return FlashStatus::Failed;
  }
  std::copy(row.begin(), row.end(), target);
  return FlashStatus::Ok;
}

FlashStatus MemoryFlash::erase_page(std::uint32_t address) {
  std::memset(at(address), 0xFF, firmware::kPageSize);
  return FlashStatus::Ok;
}

bool MemoryNor::read(std::uint32_t offset, std::span<std::uint8_t> out) {
  if (offset + out.size() > bytes_.size()) return false;
  std::copy_n(bytes_.begin() + offset, out.size(), out.begin());
  return true;
}

bool MemoryNor::program(std::uint32_t offset, std::span<const std::uint8_t> data) {
  if (offset / 256 != (offset + data.size() - 1) / 256) return false;
  for (std::size_t index = 0; index < data.size(); ++index) bytes_[offset + index] &= data[index];
  return true;
}

bool MemoryNor::erase_sector(std::uint32_t offset) {
  std::memset(&bytes_[offset], 0xFF, firmware::storage::kNorSectorSize);
  return true;
}

namespace {

/// mbedTLS has one arena for the whole process.
void initialise_crypto() {
  static std::vector<std::uint8_t> arena(48 * 1024);
  static bool done = false;
  if (!done) firmware::crypto::initialise_memory(arena);
  done = true;
}

template <typename Field>
void assign(Field& field, std::span<const std::uint8_t> bytes) {
  if (!field.assign(bytes)) throw std::runtime_error("identity field too long");
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TestDevice::TestDevice(ModelledLine& line, TestGateway& gateway, const firmware::crypto::PublicKey& owner)
    : line_(line) {
  initialise_crypto();
  const Key key = Key::generate();
  const Certificate certificate = gateway.device_authority().leaf(key, kDeviceSid);
  assign(identity_record.device_sid, bytes_of(kDeviceSid));
  const auto scalar = key.scalar();
  std::copy(scalar.begin(), scalar.end(), identity_record.device_private_key.begin());
  assign(identity_record.device_certificate, certificate.der());
  assign(identity_record.gateway_host, bytes_of("10.0.2.2"));
  identity_record.gateway_port = gateway.port();
  assign(identity_record.gateway_server_name, bytes_of("gateway.microvisor.internal"));
  assign(identity_record.gateway_ca, gateway.gateway_authority().certificate.der());
  anchors_.count = 1;
  anchors_.manifest_signers[0] = owner;
  build();
}

void TestDevice::build() {
  engine_.reset();
  store_.emplace(flash_);
  static_cast<void>(store_->mount());
  updater_.emplace(flash_, nor_, *store_, staging_key_, 1000U);
  updater_->mount();
  kernel_updater_.emplace(flash_, *store_, updater_->staging(), updater_->decoding(), vendor);
  kernel_updater_->mount({running_kernel, ratchet, firmware::crypto::sha256(kernel_image_),
                          static_cast<std::uint32_t>(kernel_image_.size())});
  engine_ = std::make_unique<firmware::link::LinkEngine>(*this, line_, retained_);
}

void TestDevice::install_kernel(const protocol::Bytes& image) {
  kernel_image_ = image;
  std::uint32_t address = firmware::kKernel.address();
  for (std::size_t at = 0; at < image.size(); at += sizeof(Row), address += sizeof(Row)) {
    Row row;
    row.fill(0xFF);
    std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(at), std::min(row.size(), image.size() - at),
                row.begin());
    if (flash_.program_row(address, row) != FlashStatus::Ok) throw std::runtime_error("not blank");
  }
}

bool TestDevice::set_wifi(const firmware::net::WifiCredentials& wifi) {
  wifi_ = wifi;
  ++wifi_changes_;
  return true;
}

void TestDevice::set_wifi(std::string_view ssid, std::string_view password) {
  firmware::net::WifiCredentials wifi;
  wifi.ssid_length = static_cast<std::uint8_t>(ssid.copy(wifi.ssid.data(), wifi.ssid.size()));
  wifi.password_length = static_cast<std::uint8_t>(password.copy(wifi.password.data(), wifi.password.size()));
  set_wifi(wifi);
}

void TestDevice::reset() {
  engine_.reset();
  line_.chip_reset();  // nobody outside hears of it
  build();
  static_cast<void>(updater_->install_pending());
}

bool TestDevice::run_until(const std::function<bool()>& done, unsigned seconds) {
  done_ = done;
  reached_ = false;
  deadline_ = line_.now() + seconds * firmware::net::kSeconds;
  line_.attention = done_;
  while (!reached_ && line_.now() < deadline_) engine_->round();
  line_.attention = {};
  done_ = {};
  return reached_;
}

/// The link asks this in every round, which makes it the place to end one.
bool TestDevice::network_wanted() {
  if (done_ && !reached_) reached_ = done_();
  const bool over = done_ && (reached_ || line_.now() >= deadline_);
  return wish() && !over;
}

/// As the kernel has it (Services::network_reasons), with `wanted` in the place of all other reasons.
bool TestDevice::wish() {
  if (!policy) return wanted;
  const std::uint64_t now = line_.now();
  const bool connected = !statuses.empty() && statuses.back() == firmware::link::NetworkStatus::Connected;
  const bool reasons = wanted || !policy->ever_in_contact() || policy->check_in_due(now);
  return policy->wants(reasons, connected, now);
}

std::uint64_t TestDevice::wish_changes_at() {
  return policy ? policy->next_change(line_.now()) : firmware::kernel::Connectivity::kNever;
}

void TestDevice::settled() {
  if (policy) policy->contact();
}

void TestDevice::network_status_changed(firmware::link::NetworkStatus status) {
  statuses.push_back(status);
  if (policy && status != firmware::link::NetworkStatus::Connected) policy->disconnected(line_.now());
}

firmware::vault::LayerKeys TestDevice::layer_keys() {
  firmware::vault::LayerKeys keys;
  firmware::vault::read_layer_keys(*store_, anchors_.sequence, keys);
  return keys;
}

firmware::manifest::KeysError TestDevice::change_keys(std::span<const std::uint8_t> message) {
  firmware::manifest::ChangedKeys next;
  const auto error =
      firmware::manifest::check_new_keys(message, identity_record, anchors_, layer_keys(), next);
  if (error != firmware::manifest::KeysError::None) return error;
  if (!firmware::vault::write_layer_keys(*store_, {}, next.anchors.sequence, next.layer_keys))
    return firmware::manifest::KeysError::Storage;
  anchors_ = next.anchors;
  updater_->signers_changed(anchors_);
  return error;
}

firmware::link::DeviceFacts TestDevice::facts() {
  firmware::link::DeviceFacts facts;
  facts.kernel_version = "0.1.0-test";
  facts.kernel_version_number = 1000;
  facts.kernel_manifest_hash = running_kernel;
  return facts;
}

bool TestDevice::take_log_record(firmware::link::LogRecord& record) {
  if (log.empty()) return false;
  record = microvisor_link_LogRecord_init_zero;
  record.text.size = static_cast<pb_size_t>(log.front().size());
  std::copy(log.front().begin(), log.front().end(), record.text.bytes);
  log.pop_front();
  return true;
}

bool TestDevice::take_event(firmware::link::DeviceEvent& event) {
  if (events.empty()) return false;
  event = {};
  event.kind = firmware::link::EventKind::ApplicationCrashed;
  event.length = events.front().size();
  std::copy(events.front().begin(), events.front().end(), event.text.begin());
  events.pop_front();
  return true;
}

bool TestDevice::crash_report_read(std::uint32_t offset, std::span<std::uint8_t> into) {
  std::copy_n(crashes.front().begin() + offset, into.size(), into.begin());
  if (crashes_tampered) into[0] ^= 1;
  return true;
}

firmware::link::Channel TestDevice::channel(unsigned slot) {
  if (slot != 0) return {};
  const bool opaque = channel_service == microvisor_link_Service_SERVICE_CHANNEL;
  return {.id = channel_id,
          .service = channel_service,
          .endpoint = opaque ? std::string_view(channel_endpoint) : "",
          .closing = channel_closing};
}

std::size_t TestDevice::channel_read(unsigned, std::span<std::uint8_t> into) {
  const std::size_t count = std::min(into.size(), channel_output.size());
  std::copy_n(channel_output.begin(), count, into.begin());
  channel_output.erase(0, count);
  return count;
}

void TestDevice::channel_released(unsigned) {
  channel_id = 0;
  channel_closing = false;
  ++channels_released;
}

}  // namespace microvisor::test
