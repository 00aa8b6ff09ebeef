// The manifest of a module's firmware: all of it is there, or it is none.
#include <pb_decode.h>

#include <algorithm>

#include "firmware/manifest/envelope.hpp"
#include "firmware/manifest/manifest.hpp"
#include "protocol/bundle.nanopb.h"

namespace microvisor::firmware::manifest {

ManifestError check_module_manifest(std::span<const std::uint8_t> bytes, const crypto::PublicKey& vendor_key,
                                    ModuleManifest& out, crypto::Verdict& verdict) {
  verdict = crypto::Verdict::Invalid;
  Envelope envelope;
  crypto::Verdict signature = crypto::Verdict::Invalid;
  if (const ManifestError error = open_vendors(bytes, vendor_key, envelope, signature);
      error != ManifestError::None)
    return error;
  microvisor_bundle_ModuleManifest_ModuleBody body = microvisor_bundle_ModuleManifest_ModuleBody_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(envelope.body.data(), envelope.body.size());
  if (!pb_decode(&stream, microvisor_bundle_ModuleManifest_ModuleBody_fields, &body))
    return ManifestError::Malformed;
  if (body.module[0] == '\0') return ManifestError::WrongDevice;
  if (body.hash.size != out.hash.size() || body.size == 0 || body.size > kMaximumModuleImage)
    return ManifestError::BadLayer;
  static_assert(sizeof body.module == sizeof out.module);
  std::copy_n(body.module, out.module.size(), out.module.begin());
  std::copy_n(body.hash.bytes, out.hash.size(), out.hash.begin());
  out.version = body.version_number;
  out.size = body.size;
  out.may_replace_newer = body.may_replace_newer;
  verdict = signature;
  return ManifestError::None;
}

}  // namespace microvisor::firmware::manifest
