#include "board/debug/elf_image.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace microvisor::board {
namespace {

tl::unexpected<BoardError> bad(const std::string& reason) {
  return tl::unexpected(BoardError{BoardError::Kind::BadImage, reason});
}

}  // namespace

tl::expected<void, BoardError> check_arm_elf(std::span<const std::uint8_t> file) {
  Elf32_Ehdr header;
  if (file.size() < sizeof header) return bad("not an ELF file");
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return bad("not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS32 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_ARM) {
    return bad("not a 32-bit Arm program");
  }
  return {};
}

tl::expected<LoadedImage, BoardError> parse_elf(std::span<const std::uint8_t> file) {
  if (auto checked = check_arm_elf(file); !checked) return tl::unexpected(checked.error());
  Elf32_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_type != ET_EXEC) return bad("not an executable (linked) program");
  const std::uint64_t table_end =
      std::uint64_t{header.e_phoff} + std::uint64_t{header.e_phnum} * sizeof(Elf32_Phdr);
  if (header.e_phentsize != sizeof(Elf32_Phdr) || table_end > file.size())
    return bad("its program headers are damaged");
  LoadedImage image;
  for (unsigned index = 0; index < header.e_phnum; ++index) {
    Elf32_Phdr segment;
    std::memcpy(&segment, file.data() + header.e_phoff + index * sizeof segment, sizeof segment);
    if (segment.p_type != PT_LOAD || segment.p_filesz == 0) continue;
    if (std::uint64_t{segment.p_offset} + segment.p_filesz > file.size())
      return bad("a segment is cut short");
    const auto bytes = file.subspan(segment.p_offset, segment.p_filesz);
    image.segments.push_back({segment.p_paddr, {bytes.begin(), bytes.end()}});
  }
  if (image.segments.empty()) return bad("it has nothing to load");
  std::ranges::sort(image.segments, {}, &LoadedImage::Segment::address);
  return image;
}

tl::expected<std::vector<std::uint8_t>, BoardError> read_image_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path)) {
    return tl::unexpected(BoardError{BoardError::Kind::Missing, "cannot read " + path.string()});
  }
  return std::vector<std::uint8_t>{std::istreambuf_iterator<char>(file), {}};
}

tl::expected<LoadedImage, BoardError> load_elf(const std::filesystem::path& path) {
  const auto bytes = read_image_file(path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto image = parse_elf(*bytes);
  if (!image) image.error().message = path.string() + ": " + image.error().message;
  return image;
}

}  // namespace microvisor::board
