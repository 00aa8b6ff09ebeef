// What the link takes from or gives to the application's objects is shared with system calls, so it happens
// under Atomic: at most one record or one piece of 1 KiB at a time.
#include "firmware/kernel/host.hpp"

#include <algorithm>

#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/application.hpp"
#include "firmware/kernel/debugged_application.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/link/link.hpp"
#include "firmware/kernel/network_queues.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/retained.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/sleep.hpp"
#include "firmware/kernel/storage.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::size_t kPiece = 256;  // bytes copied with interrupts held off

/// A kernel on trial connects, whatever the application wants, until it has proven itself or its time is
/// over; then the previous one is to return, at once.
bool kernel_on_trial() {
  if (!kernel_trial().running()) return false;
  if (clock_microseconds() < upgrader::Trial::kTime) return true;
  if (kernel_trial().give_up()) stm32u5::system_reset();
  return false;
}

microvisor_link_Service service_of(abi::ChannelType type) {
  switch (type) {
    case abi::ChannelType::HTTP: return microvisor_link_Service_SERVICE_HTTP;
    case abi::ChannelType::CONFIGFETCH: return microvisor_link_Service_SERVICE_CONFIG;
    case abi::ChannelType::MQTT: return microvisor_link_Service_SERVICE_MQTT;
    default: return microvisor_link_Service_SERVICE_CHANNEL;
  }
}

/// Tells the application of one message that has arrived. False: there is no more.
bool announce_message(unsigned slot) {
  const Atomic atomic;
  Services& s = services();
  return s.channels.announce(slot, s.notifications, clock_microseconds());
}

class Host final : public link::LinkHost {
 public:
  const vault::Identity& identity() override { return kernel::identity(); }
  const vault::TrustAnchors& anchors() override { return kernel::anchors(); }
  vault::LayerKeys layer_keys() override { return kernel::layer_keys(); }
  manifest::KeysError change_keys(std::span<const std::uint8_t> message) override {
    return kernel::change_keys(message);
  }
  update::Updater& updater() override { return kernel::updater(); }
  upgrader::KernelUpdater& kernel_updater() override { return kernel::kernel_updater(); }

  link::DeviceFacts facts() override {
    link::DeviceFacts facts;
    facts.kernel_version = this_kernel().version();
    facts.kernel_version_number = this_kernel().manifest.version_number;
    facts.kernel_manifest_hash = this_kernel().manifest_hash;
    facts.application_running = application_running();
    facts.wake_reason = static_cast<std::uint32_t>(services().wake_reason);
    facts.boot_count = boot_count();
    return facts;
  }

  protocol::BootEvidence boot_evidence() override { return kernel::boot_evidence(); }

  bool network_wanted() override {
    if (kernel_on_trial()) return true;
    const Atomic atomic;
    Services& s = services();
    s.link_fetches_update = link::fetching_update();
    s.link_waits = link::backing_off();
    const bool connected = s.link_status == abi::NetworkStatus::CONNECTED;
    const bool wanted =
        s.connectivity.wants(wants_network(s.network_reasons()), connected, clock_microseconds());
    if (!wanted) set_sleep_clock(start_sleep_clock());
    status_changed();
    return wanted;
  }

  std::uint64_t wish_changes_at() override {
    if (kernel_trial().running()) return upgrader::Trial::kTime;
    const Atomic atomic;
    return services().connectivity.next_change(clock_microseconds());
  }

  net::WifiCredentials wifi_credentials() override { return kernel::wifi_credentials(); }
  bool set_wifi(const net::WifiCredentials& wifi) override { return kernel::set_wifi(wifi); }
  net::AccessPointName access_point_name() override { return kernel::access_point_name(); }
  bool set_access_point_name(const net::AccessPointName& apn) override {
    return kernel::set_access_point_name(apn);
  }
  std::uint32_t wifi_changes() override { return services().wifi_changes; }

  void gateway_reached() override {
    kernel_trial().prove();
    kernel::kernel_updater().read_outcome();
  }

  void network_status_changed(link::NetworkStatus status) override {
    const Atomic atomic;
    Services& s = services();
    s.link_status = static_cast<abi::NetworkStatus>(status);
    const std::uint64_t now = clock_microseconds();
    if (status != link::NetworkStatus::Connected) s.connectivity.disconnected(now);
    s.network.announce(s.notifications, now);
    s.events.announce(abi::SystemNotificationSource::NETWORK, s.notifications, now);
    status_changed();
  }

  void settled() override {
    const Atomic atomic;
    if (event_waits()) return;  // it has come in this moment
    Services& s = services();
    s.connectivity.contact();
    s.link_settled = true;
    s.crash_to_report = s.kernel_error_to_report = false;
  }

  void wall_time_received(std::uint64_t unix_microseconds) override {
    const Atomic atomic;
    services().wall_clock.set(unix_microseconds, clock_microseconds());
  }

  void logging_allowed(bool allowed) override { services().logging_refused = !allowed; }
  void endpoints_known(std::span<const std::uint32_t> hashes) override {
    const Atomic atomic;
    services().endpoints.set(hashes);
  }
  void restart_application() override { restart_by_service(); }
  void install_update() override;
  void withdraw_update() override {
    if (update_ready()) return;  // the other one
    const Atomic atomic;
    services().update_due = 0;
  }

  bool take_log_record(link::LogRecord& record) override {
    const Atomic atomic;
    Services& s = services();
    record.test_log = !s.test_log.empty();
    ServerLog::Record taken;
    if (!(record.test_log ? s.test_log : s.log).take(taken, record.text.bytes)) return false;
    record.unix_microseconds = s.wall_clock.at(taken.logged_at);
    record.dropped = taken.dropped;
    record.text.size = static_cast<pb_size_t>(taken.length);
    return true;
  }

  bool take_event(link::DeviceEvent& event) override { return kernel::take_event(event); }

  std::uint32_t crash_report_size() override { return crash_store().size(); }
  crypto::Digest crash_report_hash() override { return crash_store().hash(); }
  bool crash_report_read(std::uint32_t offset, std::span<std::uint8_t> into) override {
    return crash_store().read(offset, into);
  }
  void crash_report_delivered() override { (void)crash_store().remove(); }

  link::Channel channel(unsigned slot) override {
    const Atomic atomic;
    const Channels& channels = services().channels;
    return {channels.id(slot), service_of(channels.type(slot)), channels.endpoint(slot),
            channels.closing(slot)};
  }

  std::size_t channel_read(unsigned slot, std::span<std::uint8_t> into) override {
    std::size_t total = 0;
    while (total < into.size()) {
      const Atomic atomic;
      const auto piece = into.subspan(total, std::min(kPiece, into.size() - total));
      Services& s = services();
      const std::uint32_t count = s.channels.take_sent(slot, piece, s.notifications, clock_microseconds());
      if (count == 0) break;
      total += count;
    }
    return total;
  }

  link::DebugAdmission debug_admission() override { return kernel::debug_admission(); }
  debugger::Application& debugged_application() override { return kernel::debugged_application(); }
  protocol::debug::Crypto& debug_crypto() override { return kernel::debug_crypto(); }
  void debugger_attached(bool attached) override {
    const Atomic atomic;
    services().debugger_attached = attached;
  }
  std::optional<protocol::debug::EndReason> reset_is_near() override {
    using protocol::debug::EndReason;
    if (!services().reset_is_near) return std::nullopt;
    const bool application = !erasure_is_due() && kernel::updater().phase() == update::Phase::Ready;
    return application ? EndReason::Installation : EndReason::DeviceRestarts;
  }

  std::size_t channel_space(unsigned slot) override {
    const Atomic atomic;
    return services().channels.receive_room(slot);
  }

  void channel_received(unsigned slot, std::span<const std::uint8_t> bytes) override {
    for (std::size_t done = 0; done < bytes.size(); done += kPiece) {
      const Atomic atomic;
      Services& s = services();
      s.channels.received(slot, bytes.subspan(done, std::min(kPiece, bytes.size() - done)), s.notifications,
                          clock_microseconds());
    }
    while (announce_message(slot)) {
    }
  }

  void channel_ended(unsigned slot, link::ChannelEnd reason) override {
    const Atomic atomic;
    Services& s = services();
    s.channels.ended(slot, static_cast<abi::ClosureReason>(reason), s.notifications, clock_microseconds());
  }

  void channel_released(unsigned slot) override {
    const Atomic atomic;
    services().channels.released(slot);
  }

  net::PacketQueues* packet_queues() override { return &packet_queues_; }

 private:
  NetworkQueues packet_queues_;
};

/// The running application's bundle says how long it may put an update off; it applies it by mvRestart. After
/// a reconnection the time that has begun runs on.
void Host::install_update() {
  manifest::ApplicationManifest manifest;
  const bool polite = application_running() && kernel::updater().installed_manifest(manifest);
  const std::uint32_t seconds = polite ? manifest.maximum_politeness_seconds : 0;
  {
    const Atomic atomic;
    Services& s = services();
    s.link_fetches_update = false;  // an application that is told may restart at once
    if (s.update_waits() || s.update_held) return;
    const std::uint64_t now = clock_microseconds();
    s.update_due = now + std::uint64_t{seconds} * 1'000'000;
    if (seconds != 0) s.events.announce(abi::SystemNotificationSource::UPDATE, s.notifications, now);
  }
  update_is_ready();
}

}  // namespace

link::LinkHost& link_host() {
  static Host host;
  return host;
}

}  // namespace microvisor::firmware::kernel
