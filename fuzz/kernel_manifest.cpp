// Manifests of kernels as the boot stages read them: any bytes, also as the body of an envelope. None is
// taken for signed.
#include <algorithm>

#include "firmware/manifest/manifest.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "fuzz/input.hpp"

namespace manifest = microvisor::firmware::manifest;
namespace crypto = microvisor::firmware::crypto;
using microvisor::fuzz::require;

namespace {

void check(std::span<const std::uint8_t> envelope) {
  manifest::KernelManifest out;
  if (manifest::parse_trusted_kernel_manifest(envelope, out) == manifest::ManifestError::None) {
    require(std::find(out.version_string.begin(), out.version_string.end(), '\0') !=
            out.version_string.end());
  }
  crypto::Verdict verdict = crypto::Verdict::Invalid;
  // A vendor's key that is no point of the curve verifies nothing.
  static_cast<void>(manifest::check_kernel_manifest(envelope, crypto::PublicKey{}, out, verdict));
  require(verdict != crypto::Verdict::Valid);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = (manifest::testing::initialise_crypto(), true);
  require(ready);
  const std::span<const std::uint8_t> bytes(data, size);
  check(bytes);
  manifest::testing::Message envelope;
  envelope.number(1, 1).bytes(2, bytes).bytes(3, std::array<std::uint8_t, 64>{});
  check(envelope.data());
  return 0;
}
