// Releases of Microvisor for tests on the board: the shipped images with a few bytes behind each, so that
// they run and are told apart, signed with the vendor's key of this build.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/layout.hpp"
#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::tests {

using Bytes = protocol::Bytes;

/// What stands in pages of the factory's image, without the blank rest, in whole rows; of `size` bytes at
/// most.
[[nodiscard]] Bytes shipped(firmware::Pages pages, std::uint32_t size);
/// The factory's kernel with its trailer: all of its pages.
[[nodiscard]] std::span<const std::uint8_t> kernel_pages();
/// With bytes behind it that nothing reads.
[[nodiscard]] Bytes marked(Bytes image, std::uint8_t mark);
/// Both copies of a stage as its layer holds them: halves of one size.
[[nodiscard]] Bytes layer_of(Bytes a, Bytes b);
/// Copy 'A' or 'B' in such a layer.
[[nodiscard]] std::span<const std::uint8_t> half_of(const Bytes& layer, char copy);

/// The key that signs the kernels of this build. Throws std::runtime_error if it cannot be read.
[[nodiscard]] const protocol::SigningKey& vendor_key();

/// Each part may be changed before it is signed.
struct Release {
  Bytes kernel = marked(shipped(firmware::kKernel, firmware::kKernelMaximumSize), 0x22);
  Bytes bootrom = layer_of(marked(shipped(firmware::kBootromA, firmware::kBootromA.size()), 0x33),
                           marked(shipped(firmware::kBootromB, firmware::kBootromB.size()), 0x33));
  Bytes upgrader = layer_of(marked(shipped(firmware::kUpgraderA, firmware::kUpgraderA.size()), 0x44),
                            marked(shipped(firmware::kUpgraderB, firmware::kUpgraderB.size()), 0x44));
  bool stages = true;  // else the kernel alone
  std::uint32_t ratchet = 0;
  Bytes envelope;  // the manifest, once it is signed

  void sign(const protocol::SigningKey& key);
  /// What the upgrader writes behind this kernel.
  [[nodiscard]] Bytes trailer() const;
};

}  // namespace microvisor::tests
