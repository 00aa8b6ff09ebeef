// Writing runs of pages in bank 2: stages and kernels, from the staging area or from other pages.
//
// Nothing written counts before it has been read back and hashed, and whoever was interrupted begins again
// with erasing: a page or row in work when the power failed may look finished, or blank, without being so.
#pragma once

#include "firmware/bootrom/kernel_check.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/upgrader/release.hpp"

namespace microvisor::firmware::upgrader {

/// Uses static buffers: one object at a time.
class PageWriter {
 public:
  /// `watchdog` is called before each operation that takes long.
  PageWriter(storage::Flash& flash, update::Staging& staging, void (*watchdog)())
      : flash_(flash), staging_(staging), feed_(watchdog) {}

  /// Whether the copy stands in its pages: the hash of the layer, with this half read from the flash.
  [[nodiscard]] bool holds_stage(const crypto::Digest& layer, const StagePlaces& places, vault::Copy copy);
  /// Writes the copy and makes sure it stands there.
  [[nodiscard]] update::UpdateError write_stage(const crypto::Digest& layer, const StagePlaces& places,
                                                vault::Copy copy);

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
  void feed() const {
    if (feed_ != nullptr) feed_();
  }

  storage::Flash& flash_;
  update::Staging& staging_;
  void (*feed_)();
};

}  // namespace microvisor::firmware::upgrader
