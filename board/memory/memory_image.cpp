#include "board/memory/memory_image.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::board {
namespace {

constexpr std::size_t kPadding = kHostPage - 1;

constexpr std::size_t offset_of(Region region) {
  std::size_t offset = 0;
  for (std::size_t before = 0; before < static_cast<std::size_t>(region); ++before) {
    offset += (kRegions[before].size + kPadding) & ~kPadding;
  }
  return offset;
}

constexpr std::size_t kImageSize = offset_of(static_cast<Region>(kRegions.size()));

bool is_blank(std::span<const std::uint8_t> bytes, std::uint8_t blank) {
  return std::ranges::all_of(bytes, [blank](std::uint8_t byte) { return byte == blank; });
}

}  // namespace

std::size_t page_size(Region region, std::uint32_t page) {
  return std::min(kHostPage, layout_of(region).size - std::size_t{page} * kHostPage);
}

tl::expected<MemoryImage, BoardError> MemoryImage::blank() {
  auto file = Mapping::shared(kImageSize);
  if (!file) return tl::unexpected(file.error());
  MemoryImage image(std::move(*file));
  const std::vector<std::uint8_t> ones(kHostPage, 0xFF);
  for (std::size_t index = 0; index < kRegions.size(); ++index) {
    if (kRegions[index].blank != 0xFF) continue;
    const std::size_t start = offset_of(static_cast<Region>(index));
    for (std::size_t done = 0; done < kRegions[index].size; done += kHostPage) {
      if (auto stored = image.file_.store(start + done, ones); !stored) return tl::unexpected(stored.error());
    }
  }
  return image;
}

tl::expected<void, BoardError> MemoryImage::copy(Region region, std::span<const std::uint8_t> bytes,
                                                 const std::vector<bool>* in_use) {
  for (std::uint32_t number = 0; number * kHostPage < bytes.size(); ++number) {
    if (in_use != nullptr && !(*in_use)[number]) continue;
    const auto page = bytes.subspan(number * kHostPage, page_size(region, number));
    if (is_blank(page, layout_of(region).blank)) continue;
    if (auto stored = put(region, number, page); !stored) return stored;
  }
  return {};
}

tl::expected<void, BoardError> MemoryImage::put(Region region, std::uint32_t page,
                                                std::span<const std::uint8_t> bytes) {
  pages_[static_cast<std::size_t>(region)].push_back(page);
  return file_.store(offset_of(region) + std::size_t{page} * kHostPage, bytes);
}

std::span<const std::uint8_t> MemoryImage::page(Region region, std::uint32_t page) const {
  return file_.bytes().subspan(offset_of(region) + std::size_t{page} * kHostPage, page_size(region, page));
}

tl::expected<Mapping, BoardError> MemoryImage::map(Region region) const {
  return file_.private_copy(offset_of(region), layout_of(region).size, pages(region));
}

}  // namespace microvisor::board
