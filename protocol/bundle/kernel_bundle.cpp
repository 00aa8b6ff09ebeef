#include "protocol/bundle/kernel_bundle.hpp"

#include <algorithm>

#include "protocol/bundle.pb.h"
#include "protocol/bundle/layer_encryption.hpp"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol {
namespace {

/// Reads the entry of that name. `missing` is refused with if there is none.
Result<Bytes> read_entry(const ZipReader& zip, const std::string& name, std::size_t limit, Refusal missing) {
  const ZipEntry* entry = zip.find(name);
  if (entry == nullptr) return refuse(missing, "the bundle has no entry " + name);
  return zip.read(*entry, limit);
}

/// Where `info` says what a layer for `target` is; null: nowhere.
std::optional<Hash>* place_of(KernelInfo& info, bundle::KernelLayerRegion target) {
  switch (target) {
    case bundle::Kernel: return &info.kernel;
    case bundle::Boot: return &info.bootrom;
    case bundle::Upgrader: return &info.upgrader;
    default: return nullptr;
  }
}

bool is_empty_layer(const std::string& hash) { return hash.empty() || as_hash(hash) == sha256({}); }

}  // namespace

Result<KernelInfo> parse_kernel_manifest(ByteView manifest) {
  if (manifest.size() > kMaxKernelManifestBytes)
    return refuse(Refusal::ManifestTooLarge, "the manifest is larger than devices accept");
  auto envelope = read_envelope(manifest, "manifest");
  if (!envelope) return tl::unexpected(envelope.error());
  if (envelope->signature.empty()) return refuse(Refusal::BadSignature, "the release is not signed");
  bundle::KernelManifest::KernelBody body;
  if (!body.ParseFromArray(envelope->body.data(), static_cast<int>(envelope->body.size())) ||
      !body.has_meta()) {
    return refuse(Refusal::ManifestMalformed, "the manifest is not that of a kernel");
  }
  KernelInfo info;
  static_cast<Envelope&>(info) = std::move(*envelope);
  info.version = body.meta().version_string();
  info.version_number = body.meta().version_number();
  info.security_ratchet = body.meta().version_security_ratchet();
  info.device_type = static_cast<std::uint32_t>(body.meta().device_type());
  for (const auto& layer : body.layers()) {
    if (layer.target() == bundle::NSC && is_empty_layer(layer.fetch_hash())) continue;
    const auto hash = as_hash(layer.fetch_hash());
    const bool encrypted = layer.encrypted_with_key_id() != 0;
    const auto plain = encrypted ? as_hash(layer.plain_hash()) : hash;
    if (!hash || !plain || (!encrypted && !layer.plain_hash().empty()))
      return refuse(Refusal::BadHashLength, "a hash in the manifest is not 32 bytes long");
    if (std::find(info.layers.begin(), info.layers.end(), *hash) == info.layers.end())
      info.layers.push_back(*hash);
    std::optional<Hash>* place = place_of(info, layer.target());
    if (place != nullptr) *place = plain;
  }
  if (info.layers.empty()) return refuse(Refusal::NoLayer, "the manifest lists no layer");
  return info;
}

Result<KernelBundle> read_kernel_bundle(ByteView archive) {
  if (archive.size() > kMaxBundleBytes)
    return refuse(Refusal::UploadTooLarge, "the bundle is larger than 64 MiB");
  const auto zip = ZipReader::open(archive, kMaxEntries);
  if (!zip) return tl::unexpected(zip.error());
  auto manifest = read_entry(*zip, "manifest", kMaxManifestBytes, Refusal::NoManifest);
  if (!manifest) return tl::unexpected(manifest.error());
  KernelBundle bundle;
  bundle.manifest = std::move(*manifest);
  auto info = parse_kernel_manifest(bundle.manifest);
  if (!info) return tl::unexpected(info.error());
  bundle.info = std::move(*info);
  for (const Hash& hash : bundle.info.layers) {
    auto content = read_entry(*zip, to_hex(hash), kMaxEntryBytes, Refusal::LayerMissing);
    if (!content) return tl::unexpected(content.error());
    if (sha256(*content) != hash) {
      return refuse(Refusal::HashMismatch,
                    "layer " + to_hex(hash) + " has another hash than the manifest says");
    }
    bundle.layers.push_back({hash, std::move(*content)});
  }
  return bundle;
}

std::vector<Hash> boot_stage_measurements(ByteView layer) {
  const std::size_t half = layer.size() / 2;
  if (layer.empty() || layer.size() % 2 != 0 || half > kBootStagePlace) return {};
  return {sha256_padded(layer.first(half), kBootStagePlace),
          sha256_padded(layer.subspan(half), kBootStagePlace)};
}

Result<KernelBundle> encrypt_kernel_bundle(const KernelBundle& release, const PublicKey& layer_key,
                                           const Signer& vendor) {
  bundle::KernelManifest::KernelBody body;
  if (!body.ParseFromArray(release.info.body.data(), static_cast<int>(release.info.body.size())))
    return refuse(Refusal::ManifestMalformed, "the manifest is not that of a kernel");
  KernelBundle result;
  for (auto& reference : *body.mutable_layers()) {
    const auto has_hash = [&](const Layer& layer) { return layer.hash == as_hash(reference.fetch_hash()); };
    const auto found = std::find_if(release.layers.begin(), release.layers.end(), has_hash);
    if (found == release.layers.end()) continue;  // gates, of which there are none
    Layer layer = *found;
    if (reference.encrypted_with_key_id() == 0) {
      reference.set_plain_hash(reference.fetch_hash());
      layer.bytes = encrypt_layer(found->bytes, layer_key);
      layer.hash = sha256(layer.bytes);
      reference.set_encrypted_with_key_id(layer_key_id(layer_key));
      reference.set_fetch_hash(layer.hash.data(), layer.hash.size());
    }
    result.layers.push_back(std::move(layer));
  }
  result.manifest = sign_envelope(as_bytes(body.SerializeAsString()), vendor);
  auto info = parse_kernel_manifest(result.manifest);
  if (!info) return tl::unexpected(info.error());
  result.info = std::move(*info);
  return result;
}

Bytes write_kernel_bundle(const KernelBundle& release) {
  ZipWriter zip;
  for (const Layer& layer : release.layers) zip.add(to_hex(layer.hash), layer.bytes);
  zip.add("manifest", release.manifest);
  return std::move(zip).finish();
}

}  // namespace microvisor::protocol
