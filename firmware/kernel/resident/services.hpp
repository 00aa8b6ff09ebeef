// Everything the kernel keeps for the application that runs: the objects behind the handles, and the facts
// calls tell.
//
// One object, shared by system calls (which exclude each other by priority) and the worker (which uses
// Atomic). All of it ends with the application.
#pragma once

#include <array>
#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/network_interface.hpp"
#include "firmware/kernel/resident/channels.hpp"
#include "firmware/kernel/resident/connectivity.hpp"
#include "firmware/kernel/resident/endpoints.hpp"
#include "firmware/kernel/resident/fast_interrupts.hpp"
#include "firmware/kernel/resident/handles.hpp"
#include "firmware/kernel/resident/memory_claims.hpp"
#include "firmware/kernel/resident/network_requests.hpp"
#include "firmware/kernel/resident/notifications.hpp"
#include "firmware/kernel/resident/server_log.hpp"
#include "firmware/kernel/resident/status_led.hpp"
#include "firmware/kernel/resident/storage_jobs.hpp"
#include "firmware/kernel/resident/wifi_settings.hpp"
#include "firmware/kernel/restarts.hpp"

namespace microvisor::firmware::kernel {

inline constexpr std::uint32_t kDeviceIdSize = 34;

/// The wall clock: an offset to clock_microseconds(), once the gateway has told the time.
class WallClock {
 public:
  void set(std::uint64_t unix_microseconds, std::uint64_t now) {
    offset_ = unix_microseconds - now;
    known_ = true;
  }
  [[nodiscard]] bool known() const { return known_; }
  /// Microseconds since the Unix epoch; 0 if unknown.
  [[nodiscard]] std::uint64_t at(std::uint64_t now) const { return known_ ? now + offset_ : 0; }

 private:
  std::uint64_t offset_ = 0;
  bool known_ = false;
};

struct Services {
  // Ends with the application.
  MemoryClaims claims;
  Notifications notifications;
  CentreSetup centre_setup;
  FastInterrupts fast_interrupts;
  NetworkRequests network;
  SystemEvents events;
  Channels channels;
  DeliveredMessages delivered;
  ChannelOpening channel_opening;
  NetworkInterface network_interface;
  InterfaceOpening interface_opening;
  ServerLog log;
  ServerLog test_log;
  Restarts restarts;
  HandleTable<HandleKind::ExternalFlash, 32> external_flash;
  StorageJobs storage_jobs;
  bool status_led = false;  // mvSystemLedEnable

  // Outlives it.
  std::array<char, kDeviceIdSize> device_id{};
  WallClock wall_clock;
  abi::WakeReason wake_reason = abi::WakeReason::COLDBOOT;
  bool logging_refused = false;
  Endpoints endpoints;
  bool factory_test = false;
  // How the link stood when it last spoke, so that calls need not go where the link's code lies.
  abi::NetworkStatus link_status = abi::NetworkStatus::DELIBERATELYOFFLINE;
  bool link_fetches_update = false;
  bool debugger_attached = false;
  bool link_waits = false;
  bool link_settled = false;   // set by the link whenever it has told everything
  bool reset_is_near = false;  // which waits for that
  Connectivity connectivity;
  bool application_present = false;
  bool crash_to_report = false;
  bool kernel_error_to_report = false;
  /// An update is ready and is applied at this moment at the latest; 0: none is.
  std::uint64_t update_due = 0;
  std::uint32_t testing_status = 0;
  bool test_passed = false;               // and the vault has not been told
  bool update_held = false;               // until the factory's test is passed
  std::uint32_t external_flash_chip = 0;  // JEDEC identification; 0: it does not answer
  WifiSettings wifi;
  std::uint32_t wifi_changes = 0;  // since the start: the link asks

  /// The application has ended: all its objects are gone.
  void reset_application(std::uint32_t seed);
  /// Why the device connects: bits of MvNetworkReason.
  [[nodiscard]] std::uint32_t network_reasons() const;
  /// What the status LED is to show.
  [[nodiscard]] Indication indication() const;
  [[nodiscard]] bool update_waits() const { return update_due != 0; }
  /// Parts of an update are being written or verified: a restart would get in the way.
  [[nodiscard]] bool update_being_written() const { return link_fetches_update; }
};

/// The one there is.
extern Services the_services;
[[nodiscard]] inline Services& services() { return the_services; }

/// Bits of NetworkReason::ENHANCECALM left out, something else set: the device wants to be connected.
[[nodiscard]] constexpr bool wants_network(std::uint32_t reasons) {
  return (reasons & ~static_cast<std::uint32_t>(abi::NetworkReason::ENHANCECALM)) != 0;
}

}  // namespace microvisor::firmware::kernel
