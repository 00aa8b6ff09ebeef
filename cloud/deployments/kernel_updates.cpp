#include "cloud/deployments/kernel_updates.hpp"

#include <algorithm>

#include "cloud/logs/log_record.hpp"
#include "protocol/bundle/kernel_bundle.hpp"
#include "protocol/bundle/module_bundle.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cloud {
namespace {

void complete(KernelState& kernel) {
  kernel.status = UpdateStatus::UpToDate;
  kernel.error_code = 0;
  kernel.progress.state = link::UPDATE_STATE_COMPLETE;
}

/// What stands in the log stream, beside the application's INSTALLING_APP, COMPLETE and FAILED.
std::string name_of(link::UpdateState state, bool module) {
  const std::string what = module ? "MODULE" : "KERNEL";
  switch (state) {
    case link::UPDATE_STATE_INSTALLING_APP: return "INSTALLING_" + what;
    case link::UPDATE_STATE_COMPLETE: return what + "_COMPLETE";
    default: return what + "_FAILED";
  }
}

/// Whose turn it is.
const KernelState& named(const Device& device) {
  const bool kernel_waits = device.kernel.status == UpdateStatus::Pending;
  const bool module_waits = device.module_firmware.status == UpdateStatus::Pending;
  return module_waits && !kernel_waits ? device.module_firmware : device.kernel;
}

}  // namespace

void KernelUpdates::deploy(Device device, const Kernel& kernel) {
  transfers_.erase(device.sid);
  const bool module = !kernel.module.empty();
  KernelState& state = module ? device.module_firmware : device.kernel;
  state.target = kernel.manifest_hash;
  state.targeted = clock_.now();
  state.error_code = 0;
  state.progress = {};
  const bool runs = module ? device.module == kernel.module && device.module_version == kernel.version_number
                           : state.running == state.target;
  state.status = runs ? UpdateStatus::UpToDate : UpdateStatus::Pending;
  store_.update_device(device);
  bus_.publish(DeviceCommand{device.sid, DeviceCommand::Kind::KernelTargetChanged});
  bus_.publish(DeviceChanged{device.sid});
}

void KernelUpdates::connected(Device& device, const link::Hello& hello) {
  module_connected(device, hello);
  KernelState& state = device.kernel;
  state.running = protocol::as_hash(hello.kernel_manifest_hash());
  if (!state.target) return;
  if (state.running == state.target) {
    // It has proven itself by this; its report may get lost.
    const bool waited_for = state.status == UpdateStatus::Pending;
    complete(state);
    if (waited_for) show(device, state, link::UPDATE_STATE_COMPLETE);
  } else if (state.status == UpdateStatus::UpToDate) {
    state.status = UpdateStatus::Pending;  // another one was brought back; the device says why
    state.progress = {};
  }
}

/// What it has run once, and runs no more, it is to run again.
void KernelUpdates::module_connected(Device& device, const link::Hello& hello) {
  if (hello.module().empty()) return;  // nothing is known
  device.module = clean_text(hello.module());
  device.module_version = hello.module_version();
  KernelState& state = device.module_firmware;
  if (!state.target) return;
  const auto manifest = store_.object(device.account_sid, *state.target);
  const auto release = manifest ? protocol::parse_module_manifest(*manifest)
                                : protocol::Result<protocol::ModuleInfo>(protocol::ModuleInfo{});
  if (!release || release->module != hello.module()) return;
  const bool waited_for = state.status == UpdateStatus::Pending;
  if (release->version == device.module_version) {
    state.running = state.target;
    complete(state);
    if (waited_for) show(device, state, link::UPDATE_STATE_COMPLETE);
  } else if (state.status == UpdateStatus::UpToDate) {
    state.status = UpdateStatus::Pending;
    state.progress = {};
  }
}

void KernelUpdates::reported(const std::string& device_sid, const link::UpdateReport& report) {
  auto device = store_.device_by_sid(device_sid);
  const auto hash = protocol::as_hash(report.manifest_hash());
  if (!device || !hash) return;
  const bool module = hash == device->module_firmware.target;
  if (!module && hash != device->kernel.target) return;
  KernelState& state = module ? device->module_firmware : device->kernel;
  state.progress.state = report.state();
  state.progress.bytes_done = report.bytes_done();
  state.progress.bytes_total = report.bytes_total();
  switch (report.state()) {
    case link::UPDATE_STATE_FAILED:
      state.status = UpdateStatus::Error;
      state.error_code = report.error();
      show(*device, state, report.state());
      break;
    case link::UPDATE_STATE_COMPLETE: complete(state); [[fallthrough]];
    case link::UPDATE_STATE_INSTALLING_APP: show(*device, state, report.state()); break;
    default: break;
  }
  store_.update_device(*device);
  bus_.publish(DeviceChanged{device_sid});
}

bool KernelUpdates::object_sent(const std::string& device_sid, const protocol::Hash& object,
                                std::size_t bytes) {
  auto found = transfers_.find(device_sid);
  if (found == transfers_.end()) found = transfers_.emplace(device_sid, transfer_to(device_sid)).first;
  Transfer& transfer = found->second;
  if (std::ranges::find(transfer.objects, object) == transfer.objects.end()) return false;
  transfer.bytes_sent += static_cast<std::uint32_t>(bytes);
  return true;
}

std::uint32_t KernelUpdates::bytes_sent(const std::string& device_sid) const {
  const auto found = transfers_.find(device_sid);
  return found == transfers_.end() ? 0 : found->second.bytes_sent;
}

/// One that has not begun.
KernelUpdates::Transfer KernelUpdates::transfer_to(const std::string& device_sid) const {
  const auto device = store_.device_by_sid(device_sid);
  if (!device || !named(*device).target) return {};
  const auto manifest = store_.object(device->account_sid, *named(*device).target);
  if (!manifest) return {};
  Transfer transfer{{*named(*device).target}};
  if (const auto module = protocol::parse_module_manifest(*manifest))
    transfer.objects.push_back(module->image);
  if (const auto info = protocol::parse_kernel_manifest(*manifest))
    transfer.objects.insert(transfer.objects.end(), info->layers.begin(), info->layers.end());
  return transfer;
}

std::optional<protocol::Hash> KernelUpdates::target_of(const Device& device) {
  const KernelState& state = named(device);
  return state.status == UpdateStatus::Error ? std::nullopt : state.target;
}

std::optional<Timestamp> KernelUpdates::targeted(const Device& device) { return named(device).targeted; }

/// Once for each deployment, whatever is repeated.
void KernelUpdates::show(const Device& device, KernelState& state, link::UpdateState moment) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(moment);
  if ((state.progress.shown & bit) != 0) return;
  state.progress.shown |= bit;
  std::string message = name_of(moment, &state == &device.module_firmware);
  if (moment == link::UPDATE_STATE_FAILED)
    message += ": " + protocol::describe_update_error(state.error_code);
  bus_.publish(LogRecord{clock_.now(), device.sid, log_type::kUpdate, std::move(message)});
}

}  // namespace microvisor::cloud
