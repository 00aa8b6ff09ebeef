// Writing runs of pages in bank 2: stages and kernels, from the staging area or from other pages.
//
// Nothing written counts before it has been read back and hashed, and whoever was interrupted begins again
// with erasing: a page or row in work when the power failed may look finished, or blank, without being so.
#pragma once

#include "firmware/bootrom/kernel_check.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/boot_record.hpp"

namespace microvisor::firmware::upgrader {

/// Where the two copies of a boot stage stand.
struct StagePlaces {
  Pages a;
  Pages b;
  [[nodiscard]] constexpr Pages of(vault::Copy copy) const { return copy == vault::Copy::A ? a : b; }
};
inline constexpr StagePlaces kBootromPlaces{kBootromA, kBootromB};
inline constexpr StagePlaces kUpgraderPlaces{kUpgraderA, kUpgraderB};

/// Uses static buffers: one object at a time.
class PageWriter {
 public:
  /// `watchdog` is called before each operation that takes long.
  PageWriter(storage::Flash& flash, update::Staging& staging, void (*watchdog)())
      : flash_(flash), staging_(staging), feed_(watchdog) {}

  /// A layer with a boot stage holds both copies, because they are linked for different addresses: the first
  /// half of its bytes belongs at the start of A's pages, the second at the start of B's; the rest stays
  /// blank. Whether the staged object is such a layer for `places`: LayerSize, LayerContent.
  [[nodiscard]] update::UpdateError check_stage(const crypto::Digest& layer, const StagePlaces& places);
  /// Whether the copy stands in its pages: the hash of the layer, with this half read from the flash.
  [[nodiscard]] bool holds_stage(const crypto::Digest& layer, const StagePlaces& places, vault::Copy copy);
  /// Writes the copy and makes sure it stands there.
  [[nodiscard]] update::UpdateError write_stage(const crypto::Digest& layer, const StagePlaces& places,
                                                vault::Copy copy);

  /// Whether the staged object can be a kernel: LayerSize, LayerContent.
  [[nodiscard]] update::UpdateError check_kernel_layer(const crypto::Digest& layer);
  /// Writes a staged kernel and its staged manifest to the kernel's pages. Not verified.
  [[nodiscard]] update::UpdateError write_kernel(const crypto::Digest& layer, const crypto::Digest& manifest);
  /// Copies one run of pages over another as long. Not verified.
  [[nodiscard]] update::UpdateError copy_pages(Pages from, Pages to);

 private:
  [[nodiscard]] bool read(const crypto::Digest& object, std::uint32_t offset, std::span<std::uint8_t> out) {
    return staging_.read(object, offset, out) == update::StagingStatus::Ok;
  }
  [[nodiscard]] bool erase(Pages pages);
  /// Programs bytes at a multiple of 128 that `source(offset, span)` gives piece by piece; false if one of
  /// the two fails.
  template <typename Source>
  [[nodiscard]] bool program(std::uint32_t address, std::uint32_t size, Source source);
  [[nodiscard]] bool is_blank(std::uint32_t from, std::uint32_t to);
  [[nodiscard]] bool entry_inside(const crypto::Digest& layer, std::uint32_t offset, std::uint32_t begin,
                                  std::uint32_t size);
  void feed() const {
    if (feed_ != nullptr) feed_();
  }

  storage::Flash& flash_;
  update::Staging& staging_;
  void (*feed_)();
};

}  // namespace microvisor::firmware::upgrader
