// Made-up bundles and ELF files for tests: right by default, and wrong in exactly the place a test asks for.
#pragma once

#include <functional>
#include <string>

#include "protocol/bundle.pb.h"
#include "protocol/bundle/bundle.hpp"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol::test {

/// 00 01 .. 0f, the ROM of the published golden vector.
inline Bytes golden_rom() {
  Bytes rom(16);
  for (std::size_t i = 0; i < rom.size(); ++i) rom[i] = static_cast<std::uint8_t>(i);
  return rom;
}

/// A manifest for `layer`, changed by `change` before it is serialised.
inline Bytes manifest_with(const Bytes& layer,
                           const std::function<void(bundle::AppManifest::AppBody&)>& change) {
  const auto info = parse_manifest(make_manifest(layer, {}));
  bundle::AppManifest::AppBody body;
  body.ParseFromArray(info->body.data(), static_cast<int>(info->body.size()));
  change(body);
  bundle::OpaqueManifest envelope;
  envelope.set_body(body.SerializeAsString());
  const std::string text = envelope.SerializeAsString();
  return {text.begin(), text.end()};
}

inline Bytes zip_of(const std::vector<std::pair<std::string, Bytes>>& entries) {
  ZipWriter writer;
  for (const auto& [name, content] : entries) writer.add(name, content);
  return std::move(writer).finish();
}

}  // namespace microvisor::protocol::test
