// What stands behind the kernel in its pages: where the image ends, and the signed manifest.
//
// At kKernelTrailer, little-endian: magic, size of the image in bytes, size of the manifest, a reserved zero;
// then the manifest. The two sizes need no signature: the hash in the manifest covers exactly `image_size`
// bytes, and everything between the image and the trailer must be blank.
#pragma once

#include <cstdint>

#include "firmware/layout.hpp"

namespace microvisor::firmware {

inline constexpr std::uint32_t kKernelTrailerMagic = 0x4B56'4D54u;  // "TMVK" in memory order

struct KernelTrailer {
  std::uint32_t magic;
  std::uint32_t image_size;
  std::uint32_t manifest_size;
  std::uint32_t reserved;
};
inline constexpr std::uint32_t kMaximumKernelManifest = kKernelTrailerSize - sizeof(KernelTrailer);

}  // namespace microvisor::firmware
