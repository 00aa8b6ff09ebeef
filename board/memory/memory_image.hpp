// The contents of all memories of a board at one moment, which many boards share.
//
// An image is a memory file of this process, laid out as the memories are. Boards made of it map it
// privately: they share every page until they write it, and pages that nobody has written cost nothing. Once
// filled it never changes, so boards on different threads may be made of it at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "board/memory/board_error.hpp"
#include "board/memory/flash_cells.hpp"
#include "board/memory/mapping.hpp"
#include "board/memory/nor_cells.hpp"
#include "board/memory/sram.hpp"

namespace microvisor::board {

inline constexpr std::size_t kBackupDomainSize = 4096;

enum class Region : std::uint8_t { FlashArray, Otp, FlashState, NorArray, NorState, BackupDomain, Sram };

struct RegionLayout {
  std::size_t size;
  std::uint8_t blank;  ///< the byte of which untouched memory is full
};
/// By Region.
inline constexpr std::array<RegionLayout, 7> kRegions{{
    {kFlashSize, 0xFF},
    {kOtpSize, 0xFF},
    {sizeof(FlashState), 0},
    {kNorSize, 0},  // inverted, see NorArray
    {sizeof(NorState), 0},
    {kBackupDomainSize, 0},
    {kSramMemories, 0},
}};
[[nodiscard]] constexpr const RegionLayout& layout_of(Region region) {
  return kRegions[static_cast<std::size_t>(region)];
}

class MemoryImage {
 public:
  /// Not an image yet: to be assigned.
  MemoryImage() = default;
  /// Everything blank. System (no memory).
  static tl::expected<MemoryImage, BoardError> blank();

  /// Takes over what differs from blank. `in_use` names the host pages that are worth a look; null for all.
  tl::expected<void, BoardError> copy(Region region, std::span<const std::uint8_t> bytes,
                                      const std::vector<bool>* in_use = nullptr);
  /// Puts one host page, in ascending order; the last one of a region may be shorter.
  tl::expected<void, BoardError> put(Region region, std::uint32_t page, std::span<const std::uint8_t> bytes);

  /// Numbers of the host pages that are not blank, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& pages(Region region) const {
    return pages_[static_cast<std::size_t>(region)];
  }
  [[nodiscard]] std::span<const std::uint8_t> page(Region region, std::uint32_t page) const;
  /// Private memory with these contents. System.
  [[nodiscard]] tl::expected<Mapping, BoardError> map(Region region) const;

 private:
  explicit MemoryImage(Mapping file) : file_(std::move(file)) {}

  Mapping file_;
  std::array<std::vector<std::uint32_t>, kRegions.size()> pages_;
};

/// Bytes of a host page of the region; fewer in the last one.
[[nodiscard]] std::size_t page_size(Region region, std::uint32_t page);

}  // namespace microvisor::board
