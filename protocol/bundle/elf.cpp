// ELF reading, by the System V ABI (gABI chapters 4 and 5) and the ELF supplement for the Arm architecture
// (IHI 0044).
//
// The file is data from outside: every offset is checked against the file before it is followed.
#include "protocol/bundle/elf.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

#include "protocol/bundle/manifest.hpp"

namespace microvisor::protocol {
namespace {

constexpr std::size_t kHeaderBytes = 52;          // Elf32_Ehdr
constexpr std::size_t kProgramHeaderBytes = 32;   // Elf32_Phdr
constexpr std::uint16_t kTypeExecutable = 2;      // ET_EXEC
constexpr std::uint16_t kMachineArm = 40;         // EM_ARM
constexpr std::uint32_t kSegmentLoad = 1;         // PT_LOAD
constexpr std::size_t kMinimalVectors = 8;        // initial stack pointer and reset vector
constexpr std::uint32_t kRamFirst = 0x2000'0000;  // SRAM region of the memory map (Armv8-M ARM, B5.1)
constexpr std::uint32_t kRamLast = 0x3FFF'FFFF;

std::uint32_t read_word(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(bytes[offset]) | static_cast<std::uint32_t>(bytes[offset + 1]) << 8 |
         static_cast<std::uint32_t>(bytes[offset + 2]) << 16 |
         static_cast<std::uint32_t>(bytes[offset + 3]) << 24;
}

std::uint16_t read_half(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(bytes[offset] | bytes[offset + 1] << 8);
}

std::string hex_word(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08X", value);
  return text;
}

struct Segment {
  std::uint32_t address;  // physical
  ByteView content;
};

Result<void> check_header(ByteView elf) {
  if (!looks_like_elf(elf)) return refuse(Refusal::NotAnElf, "not an ELF file");
  if (elf.size() < 6 || elf[4] != 1 || elf[5] != 1) {
    return refuse(Refusal::WrongElfClass, "not a 32-bit little-endian ELF file");
  }
  if (elf.size() < kHeaderBytes) return refuse(Refusal::ElfMalformed, "the ELF header is cut off");
  if (read_half(elf, 18) != kMachineArm) {
    return refuse(Refusal::WrongMachine, "an ELF file for another processor (machine " +
                                             std::to_string(read_half(elf, 18)) + ", not Arm)");
  }
  if (read_half(elf, 16) != kTypeExecutable) {
    return refuse(Refusal::NotExecutable, "not an executable ELF file (an object file or a library?)");
  }
  return {};
}

Result<std::vector<Segment>> load_segments(ByteView elf) {
  const std::size_t offset = read_word(elf, 28);
  const std::size_t entry_size = read_half(elf, 42);
  const std::size_t count = read_half(elf, 44);
  if (count > 0 &&
      (entry_size < kProgramHeaderBytes || offset > elf.size() || count * entry_size > elf.size() - offset)) {
    return refuse(Refusal::ElfMalformed, "the program headers lie outside the file");
  }
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView header = elf.subspan(offset + i * entry_size, kProgramHeaderBytes);
    const std::size_t start = read_word(header, 4);
    const std::size_t size = read_word(header, 16);
    if (read_word(header, 0) != kSegmentLoad || size == 0) continue;
    if (start > elf.size() || size > elf.size() - start) {
      return refuse(Refusal::ElfMalformed, "segment " + std::to_string(i) + " lies outside the file");
    }
    segments.push_back({read_word(header, 12), elf.subspan(start, size)});
  }
  return segments;
}

Result<void> check_placement(const std::vector<Segment>& segments) {
  for (const Segment& segment : segments) {
    const std::uint64_t end = static_cast<std::uint64_t>(segment.address) + segment.content.size();
    if (segment.address < kFlashBase || segment.address >= kFlashBase + kFlashBytes) {
      return refuse(Refusal::OutsideFlash, "a segment is loaded to " + hex_word(segment.address) +
                                               ", outside the application's flash (1 MiB from 0x08000000)");
    }
    if (end >= kFlashBase + kFlashBytes) {
      return refuse(Refusal::ImageTooLarge,
                    "the application does not fit into its flash (it must be below 1 MiB)");
    }
  }
  for (std::size_t i = 1; i < segments.size(); ++i) {
    if (segments[i].address < segments[i - 1].address + segments[i - 1].content.size()) {
      return refuse(Refusal::SegmentsOverlap, "two segments are loaded to " + hex_word(segments[i].address));
    }
  }
  return {};
}

/// Only what no runnable application can lack: a stack in RAM and a reset vector with the Thumb bit. Where
/// the vector points to is the application's affair.
Result<void> check_vectors(ByteView image) {
  if (image.size() < kMinimalVectors) return refuse(Refusal::NoVectorTable, "too short for a vector table");
  const std::uint32_t stack = read_word(image, 0);
  const std::uint32_t reset = read_word(image, 4);
  if (stack < kRamFirst || stack > kRamLast || (reset & 1) == 0) {
    return refuse(Refusal::NoVectorTable,
                  "no vector table at 0x08000000 (it would start with stack pointer " + hex_word(stack) +
                      " and reset vector " + hex_word(reset) + ")");
  }
  return {};
}

}  // namespace

bool looks_like_elf(ByteView file) {
  return file.size() >= 4 && file[0] == 0x7F && file[1] == 'E' && file[2] == 'L' && file[3] == 'F';
}

Result<Bytes> elf_to_image(ByteView elf) {
  if (auto header = check_header(elf); !header) return tl::unexpected(header.error());
  auto segments = load_segments(elf);
  if (!segments) return tl::unexpected(segments.error());
  if (segments->empty()) return refuse(Refusal::ImageEmpty, "the ELF file loads nothing");
  std::sort(segments->begin(), segments->end(),
            [](const Segment& a, const Segment& b) { return a.address < b.address; });
  if (auto placement = check_placement(*segments); !placement) return tl::unexpected(placement.error());
  if (segments->front().address != kFlashBase) {
    return refuse(Refusal::NoVectorTable,
                  "nothing is loaded to 0x08000000, where the vector table has to be");
  }
  const Segment& last = segments->back();
  Bytes image(last.address + last.content.size() - kFlashBase, 0xFF);
  for (const Segment& segment : *segments) {
    std::copy(segment.content.begin(), segment.content.end(), image.begin() + (segment.address - kFlashBase));
  }
  if (auto vectors = check_vectors(image); !vectors) return tl::unexpected(vectors.error());
  return image;
}

Result<void> check_image(ByteView image) {
  if (image.empty()) return refuse(Refusal::ImageEmpty, "the image is empty");
  if (image.size() >= kFlashBytes) {
    return refuse(Refusal::ImageTooLarge,
                  "the image has " + std::to_string(image.size()) + " bytes, it must be below 1048576");
  }
  return {};
}

}  // namespace microvisor::protocol
