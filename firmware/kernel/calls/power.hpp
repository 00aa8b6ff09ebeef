// How the application sleeps, why it runs, and how it asks to be started anew.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

/// While the connection stands, is being made or is wanted, nothing sleeps.
inline bool network_is_active() {
  const Services& s = services();
  return s.link_status != abi::NetworkStatus::DELIBERATELYOFFLINE || wants_network(s.network_reasons());
}

template <>
struct FlashCallBody<Gate::PowerSave> {
  static Status run(const abi::PowerSaveArguments& a) {
    if (a.mode > abi::PowerSavingMode::STOP3) return Status::PARAMETERFAULT;
    const bool stops = a.mode != abi::PowerSavingMode::SLEEP;
    if (network_is_active() || (stops && !ready_to_stop())) return Status::MICROVISORBUSY;
    power_save(a.mode);
    return Status::OKAY;
  }
};

template <>
struct FlashCallBody<Gate::DeepSleep> {
  static Status run(const abi::DeepSleepArguments& a) {
    if (a.mode > abi::DeepSleepMode::SHUTDOWN) return Status::PARAMETERFAULT;
    if (network_is_active() || !ready_to_stop()) return Status::MICROVISORBUSY;
    deep_sleep(a.mode);
    return Status::OKAY;
  }
};

template <>
struct FlashCallBody<Gate::GetWakeReason> {
  static Status run(const abi::GetWakeReasonArguments& a) { return tell(a.mode, services().wake_reason); }
};

template <>
struct FlashCallBody<Gate::Restart> {
  static Status run(const abi::RestartArguments& a) {
    if (a.mode != abi::RestartMode::AUTOAPPLYUPDATE) return Status::PARAMETERFAULT;
    if (services().update_being_written()) return Status::MICROVISORBUSY;
    request_application_end(EndRequest::Restart);
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
