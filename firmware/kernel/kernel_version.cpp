#include "firmware/kernel/kernel_version.hpp"

#include <cstring>

#include "firmware/bootrom/kernel_trailer.hpp"

namespace microvisor::firmware::kernel {

namespace {

ThisKernel kernel;

}  // namespace

const ThisKernel& this_kernel() { return kernel; }

void read_this_kernel(storage::Flash& flash, std::span<std::uint8_t> buffer) {
  KernelTrailer trailer{};
  const auto bytes = buffer.first(kKernelTrailerSize);
  if (flash.read(kKernelTrailer, bytes) != storage::FlashStatus::Ok) return;
  std::memcpy(&trailer, bytes.data(), sizeof trailer);
  if (trailer.magic != kKernelTrailerMagic || trailer.manifest_size > kMaximumKernelManifest) return;
  const auto envelope = bytes.subspan(sizeof trailer, trailer.manifest_size);
  if (manifest::parse_trusted_kernel_manifest(envelope, kernel.manifest) != manifest::ManifestError::None)
    return;
  kernel.manifest_hash = crypto::sha256(envelope);
  kernel.image_size = trailer.image_size;
}

}  // namespace microvisor::firmware::kernel
