// Reading and writing bundles: what ties the archive's entries to the manifest.
#include "protocol/bundle/bundle.hpp"

#include <algorithm>
#include <string>

#include "protocol/bundle/elf.hpp"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol {
namespace {

constexpr std::string_view kManifestName = "manifest";
constexpr std::size_t kMaxUnreferencedBytes = 4U << 20;  // inflated, all together

/// Entries that no manifest refers to are not kept, but they may not be bombs either.
Result<void> check_unreferenced(const ZipReader& zip, const ManifestInfo& info) {
  std::size_t total = 0;
  for (const ZipEntry& entry : zip.entries()) {
    const bool referenced = std::any_of(info.layers.begin(), info.layers.end(), [&](const LayerInfo& layer) {
      return to_hex(layer.fetch_hash) == entry.name;
    });
    if (referenced || entry.name == kManifestName) continue;
    total += entry.size;  // as it claims; read() refuses what does not keep to it
    if (total > kMaxUnreferencedBytes) {
      return refuse(Refusal::EntryTooLarge,
                    "the bundle carries too much that its manifest does not refer to");
    }
    if (const auto content = zip.read(entry, kMaxEntryBytes); !content)
      return tl::unexpected(content.error());
  }
  return {};
}

Result<Layer> read_layer(const ZipReader& zip, const LayerInfo& info) {
  const std::string name = to_hex(info.fetch_hash);
  const ZipEntry* entry = zip.find(name);
  if (entry == nullptr) return refuse(Refusal::LayerMissing, "layer " + name + " is not in the bundle");
  auto content = zip.read(*entry, kMaxEntryBytes);
  if (!content) return tl::unexpected(content.error());
  if (content->size() > info.size) {
    return refuse(Refusal::LayerTooLarge, "layer " + name + " has " + std::to_string(content->size()) +
                                              " bytes, its region " + std::to_string(info.size));
  }
  if (sha256(*content) != info.fetch_hash) {
    return refuse(Refusal::HashMismatch, "layer " + name + " has another hash than the manifest says");
  }
  if (info.encrypted_with == 0 && sha256_padded(*content, info.size) != info.measurement_hash) {
    return refuse(Refusal::MeasurementMismatch,
                  "layer " + name + " does not lead to the measurement hash in the manifest");
  }
  return Layer{info.fetch_hash, std::move(*content)};
}

}  // namespace

Result<Bundle> read_bundle(ByteView archive) {
  if (archive.size() > kMaxBundleBytes)
    return refuse(Refusal::UploadTooLarge, "the bundle is larger than 64 MiB");
  const auto zip = ZipReader::open(archive, kMaxEntries);
  if (!zip) return tl::unexpected(zip.error());
  const ZipEntry* entry = zip->find(kManifestName);
  if (entry == nullptr) return refuse(Refusal::NoManifest, "the bundle has no manifest");
  auto manifest = zip->read(*entry, kMaxManifestBytes);
  if (!manifest) {
    if (manifest.error().refusal != Refusal::EntryTooLarge) return tl::unexpected(manifest.error());
    return refuse(Refusal::ManifestTooLarge,
                  "the manifest has more than " + std::to_string(kMaxManifestBytes) + " bytes");
  }
  Bundle bundle;
  bundle.manifest = std::move(*manifest);
  auto info = parse_manifest(bundle.manifest);
  if (!info) return tl::unexpected(info.error());
  bundle.info = std::move(*info);
  if (auto rest = check_unreferenced(*zip, bundle.info); !rest) return tl::unexpected(rest.error());
  for (const LayerInfo& reference : bundle.info.layers) {
    auto layer = read_layer(*zip, reference);
    if (!layer) return tl::unexpected(layer.error());
    const bool known = std::any_of(bundle.layers.begin(), bundle.layers.end(),
                                   [&](const Layer& other) { return other.hash == layer->hash; });
    if (!known) bundle.layers.push_back(std::move(*layer));
  }
  return bundle;
}

Bytes write_bundle(const Bundle& bundle) {
  ZipWriter zip;
  for (const Layer& layer : bundle.layers) zip.add(to_hex(layer.hash), layer.bytes);
  zip.add(kManifestName, bundle.manifest);
  return std::move(zip).finish();
}

Result<Bundle> make_bundle(ByteView image, const BundleOptions& options) {
  if (auto checked = check_image(image); !checked) return tl::unexpected(checked.error());
  if (options.debug_key && !is_p256_point(*options.debug_key)) {
    return refuse(Refusal::BadDebugKey, "the debug key is not a point of P-256");
  }
  Bundle bundle;
  bundle.manifest = make_manifest(image, options);
  auto info = parse_manifest(bundle.manifest);
  if (!info) return tl::unexpected(info.error());
  bundle.info = std::move(*info);
  bundle.layers.push_back(Layer{sha256(image), Bytes(image.begin(), image.end())});
  return bundle;
}

Result<Bundle> sign_bundle(Bundle bundle, const Signer& key) {
  auto manifest = sign_manifest(bundle.manifest, key);
  if (!manifest) return tl::unexpected(manifest.error());
  bundle.manifest = std::move(*manifest);
  auto info = parse_manifest(bundle.manifest);
  if (!info) return tl::unexpected(info.error());
  bundle.info = std::move(*info);
  return bundle;
}

}  // namespace microvisor::protocol
