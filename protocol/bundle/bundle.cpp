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
  const std::size_t overhead = info.encrypted_with != 0 ? kEncryptedLayerOverhead : 0;
  if (content->size() > info.size + overhead) {
    return refuse(Refusal::LayerTooLarge, "layer " + name + " has " + std::to_string(content->size()) +
                                              " bytes, its region " + std::to_string(info.size));
  }
  if (info.layer_size != 0 && content->size() != info.layer_size)
    return refuse(Refusal::HashMismatch, "layer " + name + " has another size than the manifest says");
  if (sha256(*content) != info.fetch_hash) {
    return refuse(Refusal::HashMismatch, "layer " + name + " has another hash than the manifest says");
  }
  if (info.encrypted_with == 0 && sha256_padded(*content, info.size) != info.measurement_hash) {
    return refuse(Refusal::MeasurementMismatch,
                  "layer " + name + " does not lead to the measurement hash in the manifest");
  }
  return Layer{info.fetch_hash, std::move(*content)};
}

void add_once(std::vector<Layer>& layers, Layer layer) {
  const bool known =
      std::any_of(layers.begin(), layers.end(), [&](const Layer& other) { return other.hash == layer.hash; });
  if (!known) layers.push_back(std::move(layer));
}

}  // namespace

Result<void> check_size(const std::vector<Layer>& layers) {
  std::size_t total = 0;
  for (const Layer& layer : layers) total += layer.bytes.size();
  if (total <= kMaxLayerBytes) return {};
  return refuse(Refusal::LayersTooLarge, "the layers have " + std::to_string(total) +
                                             " bytes together, a device can stage " +
                                             std::to_string(kMaxLayerBytes));
}

namespace {

std::vector<ExternalImage> cut(std::span<const ExternalImage> images) {
  constexpr std::size_t kPiece = 256U << 10;
  std::vector<ExternalImage> pieces;
  for (const ExternalImage& image : images) {
    for (std::size_t at = 0; at < image.bytes.size(); at += kPiece) {
      const auto piece = ByteView(image.bytes).subspan(at, std::min(kPiece, image.bytes.size() - at));
      pieces.push_back({image.start + static_cast<std::uint32_t>(at), {piece.begin(), piece.end()}});
    }
  }
  return pieces;
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
    add_once(bundle.layers, std::move(*layer));
  }
  if (auto size = check_size(bundle.layers); !size) return tl::unexpected(size.error());
  return bundle;
}

Bytes write_bundle(const Bundle& bundle) {
  ZipWriter zip;
  for (const Layer& layer : bundle.layers) zip.add(to_hex(layer.hash), layer.bytes);
  zip.add(kManifestName, bundle.manifest);
  return std::move(zip).finish();
}

Result<Bundle> make_bundle(ByteView image, const BundleOptions& options,
                           std::span<const ExternalImage> external) {
  if (auto checked = check_image(image); !checked) return tl::unexpected(checked.error());
  if (options.debug_key && !is_p256_point(*options.debug_key)) {
    return refuse(Refusal::BadDebugKey, "the debug key is not a point of P-256");
  }
  Bundle bundle;
  std::vector<ExternalImage> pieces = cut(external);
  bundle.manifest = make_manifest(image, options, pieces);
  auto info = parse_manifest(bundle.manifest);
  if (!info) return tl::unexpected(info.error());
  bundle.info = std::move(*info);
  add_once(bundle.layers, {sha256(image), {image.begin(), image.end()}});
  for (ExternalImage& piece : pieces) {
    const Hash hash = sha256(piece.bytes);
    add_once(bundle.layers, {hash, std::move(piece.bytes)});
  }
  if (auto size = check_size(bundle.layers); !size) return tl::unexpected(size.error());
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
