// ELF files made in memory, right by default and wrong in one place each.
#include "protocol/bundle/elf.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/manifest.hpp"

namespace microvisor::protocol {
namespace {

struct SegmentSpec {
  std::uint32_t physical;
  Bytes content;
  std::uint32_t memory_size = 0;
  std::uint32_t type = 1;
};

void put(Bytes& bytes, std::size_t at, std::uint32_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

Bytes make_elf(const std::vector<SegmentSpec>& segments) {
  Bytes elf(52 + 32 * segments.size());
  const Bytes ident = {0x7F, 'E', 'L', 'F', 1, 1, 1};
  std::copy(ident.begin(), ident.end(), elf.begin());
  put(elf, 16, 2, 2);   // executable
  put(elf, 18, 40, 2);  // Arm
  put(elf, 28, 52, 4);
  put(elf, 42, 32, 2);
  put(elf, 44, static_cast<std::uint32_t>(segments.size()), 2);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::size_t header = 52 + 32 * i;
    put(elf, header, segments[i].type, 4);
    put(elf, header + 4, static_cast<std::uint32_t>(elf.size()), 4);
    put(elf, header + 8, 0x2000'0000, 4);  // virtual address: must not count
    put(elf, header + 12, segments[i].physical, 4);
    put(elf, header + 16, static_cast<std::uint32_t>(segments[i].content.size()), 4);
    put(elf, header + 20, segments[i].memory_size, 4);
    elf.insert(elf.end(), segments[i].content.begin(), segments[i].content.end());
  }
  return elf;
}

Bytes vectors() {
  Bytes table(16);
  put(table, 0, 0x2008'0000, 4);
  put(table, 4, 0x0800'0009, 4);
  return table;
}

Refusal refusal_of(const Bytes& elf) {
  const auto image = elf_to_image(elf);
  EXPECT_FALSE(image) << "accepted";
  return image ? Refusal::NotAZip : image.error().refusal;
}

TEST(Elf, GapsAreErasedFlashAndMemorySizesDoNotCount) {
  const Bytes elf = make_elf({{0x0800'0000, vectors()},
                              {0x0800'0020, {1, 2, 3}, 0x1000},
                              {0x0800'0030, {}, 0x4000},  // .bss with an address in flash
                              {0x0800'0018, {9}}});
  const auto image = elf_to_image(elf);
  ASSERT_TRUE(image) << image.error().message;
  Bytes expected(0x23, 0xFF);
  const Bytes table = vectors();
  std::copy(table.begin(), table.end(), expected.begin());
  expected[0x18] = 9;
  expected[0x20] = 1;
  expected[0x21] = 2;
  expected[0x22] = 3;
  EXPECT_EQ(*image, expected);
}

TEST(Elf, OtherSegmentTypesAreNotLoaded) {
  EXPECT_EQ(elf_to_image(make_elf({{0x0800'0000, vectors()}, {0x1234, {1}, 0, 0x7000'0001}}))->size(), 16U);
}

TEST(ElfRefusals, NotAnElf) {
  EXPECT_EQ(refusal_of({}), Refusal::NotAnElf);
  EXPECT_EQ(refusal_of(Bytes{'P', 'K', 3, 4}), Refusal::NotAnElf);
}

TEST(ElfRefusals, AnotherKindOfElf) {
  const Bytes good = make_elf({{0x0800'0000, vectors()}});
  Bytes elf = good;
  elf[4] = 2;
  EXPECT_EQ(refusal_of(elf), Refusal::WrongElfClass);
  elf = good;
  elf[5] = 2;
  EXPECT_EQ(refusal_of(elf), Refusal::WrongElfClass);
  elf = good;
  put(elf, 18, 243, 2);  // RISC-V
  EXPECT_EQ(refusal_of(elf), Refusal::WrongMachine);
  elf = good;
  put(elf, 16, 1, 2);  // relocatable
  EXPECT_EQ(refusal_of(elf), Refusal::NotExecutable);
}

TEST(ElfRefusals, CutAnywhere) {
  const Bytes good = make_elf({{0x0800'0000, vectors()}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(elf_to_image(ByteView(good).first(size))) << size;
  }
}

TEST(ElfRefusals, HeadersPointingAway) {
  Bytes elf = make_elf({{0x0800'0000, vectors()}});
  put(elf, 28, 0xFFFF'FFF0, 4);
  EXPECT_EQ(refusal_of(elf), Refusal::ElfMalformed);
  elf = make_elf({{0x0800'0000, vectors()}});
  put(elf, 52 + 4, 0xFFFF'FFF0, 4);
  EXPECT_EQ(refusal_of(elf), Refusal::ElfMalformed);
  elf = make_elf({{0x0800'0000, vectors()}});
  put(elf, 44, 0xFFFF, 2);
  EXPECT_EQ(refusal_of(elf), Refusal::ElfMalformed);
}

TEST(ElfRefusals, Placement) {
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, vectors()}, {0x2000'0000, {1}}})), Refusal::OutsideFlash);
  EXPECT_EQ(refusal_of(make_elf({{0x0C10'0000, vectors()}})), Refusal::OutsideFlash);
  EXPECT_EQ(refusal_of(make_elf({{0x0810'0000, vectors()}})), Refusal::OutsideFlash);
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, vectors()}, {0x080F'FFFF, {1}}})), Refusal::ImageTooLarge);
  EXPECT_TRUE(elf_to_image(make_elf({{0x0800'0000, vectors()}, {0x080F'FFFE, {1}}})));
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, vectors()}, {0x0800'000F, {1}}})), Refusal::SegmentsOverlap);
}

TEST(ElfRefusals, VectorTable) {
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0200, vectors()}})), Refusal::NoVectorTable);
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, Bytes(4)}})), Refusal::NoVectorTable);
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, Bytes(64)}})), Refusal::NoVectorTable);
  Bytes even = vectors();
  even[4] = 8;
  EXPECT_EQ(refusal_of(make_elf({{0x0800'0000, even}})), Refusal::NoVectorTable);
  EXPECT_EQ(refusal_of(make_elf({})), Refusal::ImageEmpty);
}

}  // namespace
}  // namespace microvisor::protocol
