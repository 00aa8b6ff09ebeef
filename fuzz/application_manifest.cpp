// Manifests of applications as a device reads them: any bytes, and any body under a signature that would be
// right. What is refused leaves nothing behind, what is accepted is within the limits.
#include "firmware/manifest/manifest.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "fuzz/input.hpp"

namespace manifest = microvisor::firmware::manifest;
using microvisor::fuzz::require;

namespace {

constexpr std::uint32_t kBankBytes = 0x10'0000;
constexpr std::uint32_t kExternalBytes = 0x3C0'0000;  // of 64 MiB, behind what is Microvisor's

std::uint32_t bytes_of(manifest::Medium medium) {
  return medium == manifest::Medium::InternalFlash ? kBankBytes : kExternalBytes;
}

void check(std::span<const std::uint8_t> envelope) {
  manifest::ApplicationManifest out;
  if (manifest::parse_trusted_application_manifest(envelope, out) != manifest::ManifestError::None) return;
  require(out.layer_count > 0 && out.layer_count <= out.layers.size());
  for (std::uint32_t i = 0; i < out.layer_count; ++i) {
    const manifest::Layer& layer = out.layers[i];
    const std::uint32_t bytes = bytes_of(layer.medium);
    require(layer.size > 0 && layer.start < bytes && layer.size <= bytes - layer.start);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  check(bytes);
  // The same bytes as the body of an envelope: fields 1 to 3 of OpaqueManifest, the signature being any 64
  // bytes.
  manifest::testing::Message envelope;
  envelope.number(1, 1).bytes(2, bytes).bytes(3, std::array<std::uint8_t, 64>{});
  check(envelope.data());
  // No trust anchor: nothing is accepted.
  manifest::ApplicationManifest out;
  require(manifest::check_application_manifest(bytes, {}, {}, 1000, out) != manifest::ManifestError::None);
  return 0;
}
