// Which kernel this is: what its own signed manifest says, the one behind it in the flash
// (bootrom/kernel_trailer.hpp). So the version stands in one place, which the bootrom has verified.
#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/crypto/crypto.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::kernel {

struct ThisKernel {
  manifest::KernelManifest manifest;
  crypto::Digest manifest_hash{};
  std::uint32_t image_size = 0;  // bytes, of which the hash is the manifest's
  [[nodiscard]] std::string_view version() const { return manifest.version_string.data(); }
};

/// All zeros until read_this_kernel(), and if the trailer cannot be read.
[[nodiscard]] const ThisKernel& this_kernel();

/// Once, by start-up code. `buffer` has room for a trailer.
void read_this_kernel(storage::Flash& flash, std::span<std::uint8_t> buffer);

}  // namespace microvisor::firmware::kernel
