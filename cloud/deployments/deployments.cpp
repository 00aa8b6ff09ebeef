// The rules of pending, up-to-date and error. A report counts for the target it names; what is shown is a bit
// set per deployment, kept in the store, so that neither repetition nor a restart of the cloud shows a state
// twice.
#include "cloud/deployments/deployments.hpp"

#include <utility>

#include "cloud/deployments/returns.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cloud {
namespace {

bool is_shown(const Device& device, link::UpdateState state) {
  return (device.progress.shown >> static_cast<unsigned>(state) & 1U) != 0;
}

const char* name_of(link::UpdateState state) {
  switch (state) {
    case link::UPDATE_STATE_INSTALLING_APP: return "INSTALLING_APP";
    case link::UPDATE_STATE_STARTING_NEW_APP: return "STARTING_NEW_APP";
    case link::UPDATE_STATE_COMPLETE: return "COMPLETE";
    default: return "FAILED";
  }
}

}  // namespace

void Deployments::assign(Device& device, const App& app) const {
  const bool same_attempt = device.target_hash == app.manifest_hash && device.status == UpdateStatus::Pending;
  if (!same_attempt) device.progress = {};
  device.target_sid = app.sid;
  device.target_hash = app.manifest_hash;
  device.targeted = clock_.now();
  device.error_code = 0;
  const bool runs_it = device.reported_hash == app.manifest_hash && !same_attempt;
  device.status = runs_it ? UpdateStatus::UpToDate : UpdateStatus::Pending;
  if (runs_it) device.reported_sid = app.sid;
}

void Deployments::announce(const Device& device) {
  live_[device.sid] = device.progress;
  bus_.publish(DeviceCommand{device.sid, DeviceCommand::Kind::TargetChanged});
}

void Deployments::connected(Device& device, const link::Hello& hello) {
  live_[device.sid] = device.progress;
  set_reported(device, hello.app_manifest_hash());
  if (!device.target_hash) return;
  if (device.reported_hash == device.target_hash) {
    // If the installation was seen, the device is about to report its end itself, unless it did so on a
    // connection that broke: then it says Hello again without reporting, and `pending` would stay.
    const bool first_time = is_shown(device, link::UPDATE_STATE_INSTALLING_APP) &&
                            device.progress.state != link::UPDATE_STATE_STARTING_NEW_APP;
    if (device.status == UpdateStatus::Pending && first_time) {
      device.progress.state = link::UPDATE_STATE_STARTING_NEW_APP;
      live_[device.sid].state = device.progress.state;
    } else if (device.status != UpdateStatus::UpToDate) {
      complete(device);
      if (is_shown(device, link::UPDATE_STATE_INSTALLING_APP))
        show_missing(device, link::UPDATE_STATE_COMPLETE);
    }
  } else if (device.status == UpdateStatus::UpToDate) {
    device.status = UpdateStatus::Pending;
    device.progress = {};
    live_[device.sid] = {};
  }
}

void Deployments::reported(const std::string& device_sid, const link::UpdateReport& report) {
  auto device = store_.device_by_sid(device_sid);
  if (!device) return;
  const auto hash = protocol::as_hash(report.manifest_hash());
  const auto state = report.state();
  if (!hash || hash != device->target_hash) {
    // The end of an earlier deployment: the operator has changed the target meanwhile.
    if (hash && state == link::UPDATE_STATE_COMPLETE) {
      set_reported(*device, report.manifest_hash());
      save(*device);
    }
    return;
  }
  UpdateProgress& progress = live_[device_sid];
  progress.bytes_done = report.bytes_done();
  progress.bytes_total = report.bytes_total();
  if (state == link::UPDATE_STATE_FETCHING) {
    progress.state = state;
    return fetching(device_sid, report);
  }
  device->progress.state = state;
  device->progress.bytes_done = report.bytes_done();
  device->progress.bytes_total = report.bytes_total();
  device->progress.bytes_sent = progress.bytes_sent;
  if (state == link::UPDATE_STATE_FAILED) {
    device->status = UpdateStatus::Error;
    device->error_code = report.error();
    show(*device, state, report.error());
  } else {
    show_missing(*device, state);
    if (state == link::UPDATE_STATE_COMPLETE) {
      set_reported(*device, report.manifest_hash());
      complete(*device);
    }
  }
  save(*device);
}

void Deployments::fetching(const std::string& device_sid, const link::UpdateReport& report) {
  if (report.error() != link::UPDATE_ERROR_NONE) {
    std::string message = "FETCHING again: " + protocol::describe_update_error(report.error());
    bus_.publish(LogRecord{clock_.now(), device_sid, log_type::kUpdate, std::move(message)});
  }
  bus_.publish(DeviceChanged{device_sid});
}

void Deployments::disconnected(const std::string& device_sid) {
  const auto found = live_.find(device_sid);
  if (found == live_.end()) return;
  auto device = store_.device_by_sid(device_sid);
  if (device) {
    device->progress.bytes_done = found->second.bytes_done;
    device->progress.bytes_total = found->second.bytes_total;
    device->progress.bytes_sent = found->second.bytes_sent;
    store_.update_device(*device);
  }
  live_.erase(found);
}

void Deployments::object_sent(const std::string& device_sid, std::size_t bytes) {
  const auto found = live_.find(device_sid);
  if (found != live_.end()) found->second.bytes_sent += static_cast<std::uint32_t>(bytes);
}

void Deployments::crashed(const std::string& device_sid) {
  auto device = store_.device_by_sid(device_sid);
  if (!device || !device->reported_sid) return;
  AppReturn record = store_.app_return(device_sid);
  const bool too_often = note_crash(record, clock_.now());
  // Whatever the operator has under way replaces the application anyway.
  const bool wanted = too_often && record.after_crashes != 0 && device->status == UpdateStatus::UpToDate;
  const bool possible = record.last_good && record.last_good != device->reported_sid;
  const auto app = wanted && possible ? store_.app(device->account_sid, *record.last_good) : std::nullopt;
  if (app) {
    assign(*device, *app);
    record.returned_from = device->reported_sid;
    record.returned = *device->targeted;
  }
  store_.set_app_return(device_sid, record);
  if (!app) return;
  save(*device);
  bus_.publish(LogRecord{clock_.now(), device_sid, log_type::kUpdate,
                         "RETURNING to " + app->sid + ": " + *record.returned_from + " has crashed " +
                             std::to_string(record.after_crashes) + " times within " +
                             std::to_string(record.within_seconds) + " s"});
  announce(*device);
}

UpdateProgress Deployments::progress(const Device& device) const {
  const auto found = live_.find(device.sid);
  if (found == live_.end() || device.progress.state > link::UPDATE_STATE_FETCHING) return device.progress;
  return found->second;
}

std::optional<protocol::Hash> Deployments::target_of(const Device& device) {
  if (device.status == UpdateStatus::Error) return std::nullopt;
  return device.target_hash;
}

void Deployments::show(Device& device, link::UpdateState state, int error) {
  if (is_shown(device, state)) return;
  device.progress.shown |= 1U << static_cast<unsigned>(state);
  std::string message = name_of(state);
  if (state == link::UPDATE_STATE_FAILED) message += ": " + protocol::describe_update_error(error);
  bus_.publish(LogRecord{clock_.now(), device.sid, log_type::kUpdate, std::move(message)});
}

/// States that a lost report has left out come first: people see the three in their order, once each.
void Deployments::show_missing(Device& device, link::UpdateState until) {
  for (const auto state : {link::UPDATE_STATE_INSTALLING_APP, link::UPDATE_STATE_STARTING_NEW_APP,
                           link::UPDATE_STATE_COMPLETE}) {
    if (state <= until) show(device, state);
  }
}

void Deployments::complete(Device& device) {
  device.status = UpdateStatus::UpToDate;
  device.error_code = 0;
  device.progress.state = link::UPDATE_STATE_COMPLETE;
}

void Deployments::set_reported(Device& device, const std::string& manifest_hash) {
  const auto before = std::exchange(device.reported_hash, protocol::as_hash(manifest_hash));
  if (device.reported_hash && before != device.reported_hash) {
    AppReturn record = store_.app_return(device.sid);
    note_replacement(record, device.reported_sid);
    store_.set_app_return(device.sid, record);
  }
  device.reported = clock_.now();
  device.reported_sid.reset();
  if (!device.reported_hash) return;
  if (device.reported_hash == device.target_hash) {
    device.reported_sid = device.target_sid;
  } else if (const auto app = store_.app_with_manifest(device.account_sid, *device.reported_hash)) {
    device.reported_sid = app->sid;
  }
}

void Deployments::save(Device& device) {
  store_.update_device(device);
  live_[device.sid] = device.progress;
  bus_.publish(DeviceChanged{device.sid});
}

}  // namespace microvisor::cloud
