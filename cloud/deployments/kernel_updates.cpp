#include "cloud/deployments/kernel_updates.hpp"

#include <algorithm>

#include "protocol/bundle/kernel_bundle.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cloud {
namespace {

void complete(KernelState& kernel) {
  kernel.status = UpdateStatus::UpToDate;
  kernel.error_code = 0;
  kernel.progress.state = link::UPDATE_STATE_COMPLETE;
}

/// What stands in the log stream, beside the application's INSTALLING_APP, COMPLETE and FAILED.
const char* name_of(link::UpdateState state) {
  switch (state) {
    case link::UPDATE_STATE_INSTALLING_APP: return "INSTALLING_KERNEL";
    case link::UPDATE_STATE_COMPLETE: return "KERNEL_COMPLETE";
    default: return "KERNEL_FAILED";
  }
}

}  // namespace

void KernelUpdates::deploy(Device device, const Kernel& kernel) {
  transfers_.erase(device.sid);
  KernelState& state = device.kernel;
  state.target = kernel.manifest_hash;
  state.targeted = clock_.now();
  state.error_code = 0;
  state.progress = {};
  state.status = state.running == state.target ? UpdateStatus::UpToDate : UpdateStatus::Pending;
  store_.update_device(device);
  bus_.publish(DeviceCommand{device.sid, DeviceCommand::Kind::KernelTargetChanged});
  bus_.publish(DeviceChanged{device.sid});
}

void KernelUpdates::connected(Device& device, const link::Hello& hello) {
  KernelState& state = device.kernel;
  state.running = protocol::as_hash(hello.kernel_manifest_hash());
  if (!state.target) return;
  if (state.running == state.target) {
    // It has proven itself by this; its report may get lost.
    const bool waited_for = state.status == UpdateStatus::Pending;
    complete(state);
    if (waited_for) show(device, link::UPDATE_STATE_COMPLETE);
  } else if (state.status == UpdateStatus::UpToDate) {
    state.status = UpdateStatus::Pending;  // another one was brought back; the device says why
    state.progress = {};
  }
}

void KernelUpdates::reported(const std::string& device_sid, const link::UpdateReport& report) {
  auto device = store_.device_by_sid(device_sid);
  const auto hash = protocol::as_hash(report.manifest_hash());
  if (!device || !hash || hash != device->kernel.target) return;
  KernelState& state = device->kernel;
  state.progress.state = report.state();
  state.progress.bytes_done = report.bytes_done();
  state.progress.bytes_total = report.bytes_total();
  switch (report.state()) {
    case link::UPDATE_STATE_FAILED:
      state.status = UpdateStatus::Error;
      state.error_code = report.error();
      show(*device, report.state());
      break;
    case link::UPDATE_STATE_COMPLETE: complete(state); [[fallthrough]];
    case link::UPDATE_STATE_INSTALLING_APP: show(*device, report.state()); break;
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
  if (!device || !device->kernel.target) return {};
  const auto manifest = store_.object(device->account_sid, *device->kernel.target);
  if (!manifest) return {};
  Transfer transfer{{*device->kernel.target}};
  if (const auto info = protocol::parse_kernel_manifest(*manifest))
    transfer.objects.insert(transfer.objects.end(), info->layers.begin(), info->layers.end());
  return transfer;
}

std::optional<protocol::Hash> KernelUpdates::target_of(const Device& device) {
  if (device.kernel.status == UpdateStatus::Error) return std::nullopt;
  return device.kernel.target;
}

/// Once for each deployment, whatever is repeated.
void KernelUpdates::show(Device& device, link::UpdateState state) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(state);
  if ((device.kernel.progress.shown & bit) != 0) return;
  device.kernel.progress.shown |= bit;
  std::string message = name_of(state);
  if (state == link::UPDATE_STATE_FAILED)
    message += ": " + protocol::describe_update_error(device.kernel.error_code);
  bus_.publish(LogRecord{clock_.now(), device.sid, log_type::kUpdate, std::move(message)});
}

}  // namespace microvisor::cloud
