#include "firmware/kernel/resident/services.hpp"

#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t bit(abi::NetworkReason reason) { return static_cast<std::uint32_t>(reason); }

}  // namespace

// All of it begins as zeros: it needs neither room in the image nor code that makes it.
constinit Services the_services;

MV_FLASH_CODE void Services::reset_application(std::uint32_t seed) {
  claims.clear();
  notifications.reset(seed);
  centre_setup = {};
  fast_interrupts.reset();
  network.reset(seed >> 3);
  events.reset(seed >> 5);
  channels.reset(seed >> 7);
  delivered.reset();
  channel_opening = {};
  network_interface.reset(seed >> 11);
  interface_opening = {};
  log.reset();
  test_log.reset();
  restarts.clear();
  external_flash.reset(seed >> 9);
  storage_jobs.reset();
  status_led = false;
}

Indication Services::indication() const {
  if (!status_led && application_present) return Indication::Off;
  if (link_fetches_update) return Indication::Updating;
  switch (link_status) {
    case abi::NetworkStatus::CONNECTED: return Indication::Connected;
    case abi::NetworkStatus::CONNECTING: return link_waits ? Indication::Waiting : Indication::Connecting;
    case abi::NetworkStatus::DISCONNECTEDWITHLINKUP: return Indication::Waiting;
    default: return Indication::Off;
  }
}

std::uint32_t Services::network_reasons() const {
  std::uint32_t reasons = 0;
  if (network.count() != 0) reasons |= bit(abi::NetworkReason::USINGNETWORK);
  if (!network.ever_used()) reasons |= bit(abi::NetworkReason::NEVERUSEDNETWORKAPI);
  if (connectivity.check_in_due(clock_microseconds()))
    reasons |= bit(abi::NetworkReason::MINIMUMCHECKINEXPIRED);
  if (!wall_clock.known()) reasons |= bit(abi::NetworkReason::RTCNOTSET);
  if (kernel_error_to_report) reasons |= bit(abi::NetworkReason::KERNELERROR);
  if (crash_to_report) reasons |= bit(abi::NetworkReason::APPLICATIONERROR);
  if (!connectivity.ever_in_contact()) reasons |= bit(abi::NetworkReason::COLDBOOTCONNECTION);
  if (link_fetches_update) reasons |= bit(abi::NetworkReason::FETCHINGUPDATE);
  if (!application_present) reasons |= bit(abi::NetworkReason::NOAPPLICATIONCODE);
  if (debugger_attached) reasons |= bit(abi::NetworkReason::DEBUGGERATTACHED);
  if (link_waits) reasons |= bit(abi::NetworkReason::ENHANCECALM);
  return reasons;
}

}  // namespace microvisor::firmware::kernel
