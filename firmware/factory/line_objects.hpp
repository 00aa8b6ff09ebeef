// Bundles that the production line has put into the external flash: the line's test application, the product,
// or both. A device that has none installed takes them from there, so that a line needs no network.
//
// They stand in the clear at the end of the application's part of the NOR, and nobody vouches for them: each
// object goes through the same checks as one from the cloud, hash and signature, on its way into the staging
// area. What the directory says is only where to look. It is the last sector of the NOR (docs/factory.md):
//
//   0 "MVLO"  4 format, 1  8 number of objects  12 where the first begins
//   16 hash of the test application's manifest  48 of the product's; zeros: there is none
//   80 of each object: hash, where it begins, size  then CRC-32 of all before
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/crypto/crypto.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/updater.hpp"

namespace microvisor::firmware::factory {

inline constexpr std::uint32_t kLineMagic = 0x4F4C'564D;  // "MVLO"
inline constexpr std::uint32_t kLineFormat = 1;
inline constexpr std::uint32_t kMaximumLineObjects = 64;
inline constexpr std::uint32_t kLineHeaderSize = 80;
inline constexpr std::uint32_t kLineEntrySize = 40;
static_assert(kLineHeaderSize + kMaximumLineObjects * kLineEntrySize + 4 <= storage::kNorSectorSize);

class LineObjects {
 public:
  struct Object {
    std::uint32_t offset = 0;  // in the NOR
    std::uint32_t size = 0;    // bytes
  };

  /// `nor` must outlive the object.
  explicit LineObjects(storage::Nor& nor) : nor_(nor) {}

  /// Reads the directory. False: there is none, or it is damaged.
  [[nodiscard]] bool mount();
  /// Manifest hashes; all zeros: none.
  [[nodiscard]] const crypto::Digest& test() const { return test_; }
  [[nodiscard]] const crypto::Digest& product() const { return product_; }

  /// Stages the bundle with this manifest, as if the cloud had named it, and marks it ready. A power cut is
  /// made good by calling it again. None also if it has been staged before, or failed to.
  [[nodiscard]] update::UpdateError stage(update::Updater& updater, const crypto::Digest& manifest,
                                          const vault::TrustAnchors& anchors);
  /// Leaves blank flash to the application. The directory goes last.
  [[nodiscard]] bool erase();

 private:
  [[nodiscard]] std::uint32_t directory() const { return nor_.size() - storage::kNorSectorSize; }
  [[nodiscard]] bool read_header(std::uint32_t& crc);
  [[nodiscard]] std::optional<Object> find(const crypto::Digest& hash);
  [[nodiscard]] update::UpdateError bring(update::Updater& updater, const update::ObjectRequest& request);

  storage::Nor& nor_;
  std::uint32_t count_ = 0;
  std::uint32_t first_ = 0;
  crypto::Digest test_{};
  crypto::Digest product_{};
};

}  // namespace microvisor::firmware::factory
