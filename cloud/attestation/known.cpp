#include "cloud/attestation/known.hpp"

#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cloud {

std::map<protocol::Hash, std::string> KnownMeasurements::of(const std::string& account_sid) {
  std::map<protocol::Hash, std::string> known;
  for (const Kernel& kernel : store_.kernels(account_sid)) {
    auto [entry, is_new] = releases_.try_emplace(account_sid + protocol::to_hex(kernel.manifest_hash));
    if (is_new) entry->second = measure(kernel);
    for (const protocol::Hash& digest : entry->second) known.emplace(digest, "release " + kernel.version);
  }
  for (const Measurement& named : store_.measurements(account_sid)) known[named.digest] = named.name;
  return known;
}

/// What a device with this release measures of itself: manifest, kernel, and both copies of the boot stages.
std::vector<protocol::Hash> KnownMeasurements::measure(const Kernel& kernel) {
  std::vector<protocol::Hash> digests{kernel.manifest_hash};
  const auto manifest = store_.object(kernel.account_sid, kernel.manifest_hash);
  const auto info = manifest ? protocol::parse_kernel_manifest(*manifest)
                             : protocol::Result<protocol::KernelInfo>(protocol::KernelInfo{});
  if (!info) return digests;
  if (info->kernel) digests.push_back(*info->kernel);
  for (const auto& layer : {info->bootrom, info->upgrader}) {
    const auto content = layer ? store_.object(kernel.account_sid, *layer) : std::nullopt;
    if (!content) continue;
    for (const protocol::Hash& digest : protocol::boot_stage_measurements(*content))
      digests.push_back(digest);
  }
  return digests;
}

}  // namespace microvisor::cloud
