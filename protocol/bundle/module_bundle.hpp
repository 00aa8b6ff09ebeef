// Releases of a module's firmware: bundles whose manifest is a ModuleManifest (protocol/bundle.proto), signed
// by the vendor's key, with the image as their one layer (docs/module-firmware.md).
#pragma once

#include "protocol/bundle/bundle.hpp"

namespace microvisor::protocol {

inline constexpr std::size_t kMaxModuleImageBytes = 0x20'0000;  ///< what a device takes
inline constexpr std::size_t kMaxModuleKindBytes = 23;

struct ModuleInfo : Envelope {
  std::string module;  ///< of which kind it is
  std::uint32_t version = 0;
  std::uint32_t size = 0;
  Hash image{};
  bool may_replace_newer = false;
};

struct ModuleBundle {
  Bytes manifest;  ///< the entry as it stands
  ModuleInfo info;
  Bytes image;
};

/// Signs a release. Of `info`, kind, version and may_replace_newer count.
Result<ModuleBundle> make_module_bundle(const ModuleInfo& info, ByteView image, const Signer& vendor);
Bytes write_module_bundle(const ModuleBundle& release);

/// Parses and checks the structure (not the signature, not the image).
Result<ModuleInfo> parse_module_manifest(ByteView manifest);
/// Reads and checks a release completely.
Result<ModuleBundle> read_module_bundle(ByteView zip);

}  // namespace microvisor::protocol
