#include "cli/line_bundles.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "firmware/image/line_image.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cli {
namespace {

using firmware::image::Identity;
using firmware::image::LineBundle;
using protocol::Bundle;

Bundle load_bundle(Client& client, const std::string& name) {
  if (std::filesystem::exists(name)) return load_application(name);
  const std::string zip = client.download("/api/apps/" + Client::escape(name) + "/bundle");
  auto bundle = protocol::read_bundle(protocol::as_bytes(zip));
  if (!bundle) throw Failure(name + ": " + bundle.error().message);
  return std::move(*bundle);
}

std::optional<Bundle> signed_bundle(Client& client, const Identity& identity, const std::string& name) {
  if (name.empty()) return std::nullopt;
  Bundle bundle = load_bundle(client, name);
  const bool accepted = std::ranges::any_of(identity.manifest_signers, [&](const protocol::PublicKey& key) {
    return protocol::is_signed_by(bundle.info, key);
  });
  if (!accepted)
    throw Failure(name + ": not signed by one of the account's signers (upload it, or see 'bundle sign')");
  if (!bundle.info.policy.device_sid.empty()) throw Failure(name + ": it is for one device only");
  return bundle;
}

LineBundle line_bundle(const Bundle& bundle) {
  LineBundle result{protocol::sha256(bundle.manifest), {}};
  result.objects.push_back({result.manifest, bundle.manifest});
  for (const protocol::Layer& layer : bundle.layers) result.objects.push_back({layer.hash, layer.bytes});
  return result;
}

/// Installing one application must not overwrite what the other is installed from.
void check_room(const std::optional<Bundle>& bundle, std::size_t image_size) {
  if (!bundle) return;
  for (const protocol::LayerInfo& layer : bundle->info.layers) {
    const bool external = layer.kind == protocol::RegionKind::ExternalFlash;
    if (external && layer.start + std::size_t{layer.size} > protocol::kExternalFlashBytes - image_size)
      throw Failure(
          "a layer for the external flash reaches into its end, where the applications for the line are");
  }
}

}  // namespace

std::vector<std::uint8_t> line_image(Client& client, const Identity& identity,
                                     const LineApplications& applications) {
  const auto test = signed_bundle(client, identity, applications.test);
  const auto product = signed_bundle(client, identity, applications.product);
  if (!test && !product) return {};
  std::optional<LineBundle> bundles[2];
  if (test) bundles[0] = line_bundle(*test);
  if (product) bundles[1] = line_bundle(*product);
  auto image = firmware::image::build_line_image(bundles[0] ? &*bundles[0] : nullptr,
                                                 bundles[1] ? &*bundles[1] : nullptr);
  check_room(test, image.size());
  check_room(product, image.size());
  return image;
}

}  // namespace microvisor::cli
