// See module_bundle.hpp.
#include "protocol/bundle/module_bundle.hpp"

#include <algorithm>

#include "protocol/bundle.pb.h"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol {
namespace {

constexpr const char* kManifestEntry = "manifest";

/// It travels as a word between commas.
bool is_kind(const std::string& text) {
  const auto printable = [](char character) {
    return character > 0x20 && character < 0x7F && character != ',' && character != '"';
  };
  return !text.empty() && text.size() <= kMaxModuleKindBytes && std::ranges::all_of(text, printable);
}

}  // namespace

Result<ModuleInfo> parse_module_manifest(ByteView manifest) {
  auto envelope = read_envelope(manifest, "manifest");
  if (!envelope) return tl::unexpected(envelope.error());
  if (envelope->signature.empty()) return refuse(Refusal::BadSignature, "the release is not signed");
  bundle::ModuleManifest::ModuleBody body;
  if (!body.ParseFromArray(envelope->body.data(), static_cast<int>(envelope->body.size())) ||
      !is_kind(body.module()))
    return refuse(Refusal::ManifestMalformed, "the manifest is not that of a module's firmware");
  if (body.size() == 0 || body.size() > kMaxModuleImageBytes)
    return refuse(Refusal::UploadTooLarge, "the image is empty, or larger than 2 MiB");
  const auto hash = as_hash(body.hash());
  if (!hash) return refuse(Refusal::BadHashLength, "a hash in the manifest is not 32 bytes long");
  ModuleInfo info;
  static_cast<Envelope&>(info) = std::move(*envelope);
  info.module = body.module();
  info.version = body.version_number();
  info.size = body.size();
  info.image = *hash;
  info.may_replace_newer = body.may_replace_newer();
  return info;
}

Result<ModuleBundle> make_module_bundle(const ModuleInfo& info, ByteView image, const Signer& vendor) {
  const Hash hash = sha256(image);
  bundle::ModuleManifest::ModuleBody body;
  body.set_module(info.module);
  body.set_version_number(info.version);
  body.set_size(static_cast<std::uint32_t>(std::min<std::size_t>(image.size(), kMaxModuleImageBytes + 1)));
  body.set_hash(hash.data(), hash.size());
  body.set_may_replace_newer(info.may_replace_newer);
  ModuleBundle release;
  release.manifest = sign_envelope(as_bytes(body.SerializeAsString()), vendor);
  auto parsed = parse_module_manifest(release.manifest);
  if (!parsed) return tl::unexpected(parsed.error());
  release.info = std::move(*parsed);
  release.image.assign(image.begin(), image.end());
  return release;
}

Bytes write_module_bundle(const ModuleBundle& release) {
  ZipWriter zip;
  zip.add(to_hex(release.info.image), release.image);
  zip.add(kManifestEntry, release.manifest);
  return std::move(zip).finish();
}

Result<ModuleBundle> read_module_bundle(ByteView archive) {
  if (archive.size() > kMaxBundleBytes)
    return refuse(Refusal::UploadTooLarge, "the bundle is larger than 64 MiB");
  const auto zip = ZipReader::open(archive, kMaxEntries);
  if (!zip) return tl::unexpected(zip.error());
  const ZipEntry* entry = zip->find(kManifestEntry);
  if (entry == nullptr) return refuse(Refusal::NoManifest, "the bundle has no entry manifest");
  auto manifest = zip->read(*entry, kMaxManifestBytes);
  if (!manifest) return tl::unexpected(manifest.error());
  auto info = parse_module_manifest(*manifest);
  if (!info) return tl::unexpected(info.error());
  const ZipEntry* image_entry = zip->find(to_hex(info->image));
  if (image_entry == nullptr) return refuse(Refusal::LayerMissing, "the bundle has no image");
  auto image = zip->read(*image_entry, kMaxModuleImageBytes);
  if (!image) return tl::unexpected(image.error());
  if (image->size() != info->size || sha256(*image) != info->image)
    return refuse(Refusal::HashMismatch, "the image is another than the manifest says");
  return ModuleBundle{std::move(*manifest), std::move(*info), std::move(*image)};
}

}  // namespace microvisor::protocol
