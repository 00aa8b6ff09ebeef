// The zip reader against archives that are wrong on purpose, made by patching a right one.
#include "protocol/bundle/zip.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/test_support.hpp"

namespace microvisor::protocol {
namespace {

using test::zip_of;

Refusal open_refusal(const Bytes& archive, std::size_t max_entries = 8) {
  const auto reader = ZipReader::open(archive, max_entries);
  EXPECT_FALSE(reader) << "accepted";
  return reader ? Refusal::NotAnElf : reader.error().refusal;
}

std::size_t end_record(const Bytes& archive) { return archive.size() - 22; }
std::size_t directory_offset(const Bytes& archive) {
  const std::size_t end = end_record(archive);
  return archive[end + 16] | static_cast<std::size_t>(archive[end + 17]) << 8;
}

TEST(Zip, WritesWhatItReads) {
  const Bytes content(5000, 'x');
  const Bytes archive = zip_of({{"a", content}, {"b", {}}});
  const auto reader = ZipReader::open(archive, 8);
  ASSERT_TRUE(reader);
  EXPECT_EQ(*reader->read(*reader->find("a"), 5000), content);
  EXPECT_EQ(*reader->read(*reader->find("b"), 0), Bytes{});
  EXPECT_EQ(reader->find("c"), nullptr);
}

TEST(Zip, ArchiveCommentsAreSkipped) {
  Bytes archive = zip_of({{"a", Bytes{1}}});
  archive[archive.size() - 2] = 3;
  archive.insert(archive.end(), {'x', 'y', 'z'});
  EXPECT_TRUE(ZipReader::open(archive, 8));
}

TEST(Zip, UnsafeNames) {
  for (const char* name :
       {"/etc/passwd", "..", "../x", "a/../b", "a..b", "\\x", "C:\\x", "c:x", "a\nb", ""}) {
    EXPECT_EQ(open_refusal(zip_of({{name, Bytes{1}}})), Refusal::UnsafeEntryName) << name;
  }
}

TEST(Zip, DuplicatesAndCounts) {
  EXPECT_EQ(open_refusal(zip_of({{"a", Bytes{1}}, {"a", Bytes{2}}})), Refusal::DuplicateEntry);
  EXPECT_EQ(open_refusal(zip_of({{"a", {}}, {"b", {}}, {"c", {}}}), 2), Refusal::TooManyEntries);
}

TEST(Zip, CutAnywhereIsRefused) {
  const Bytes archive = zip_of({{"name", Bytes{1, 2, 3}}});
  for (std::size_t size = 0; size < archive.size(); ++size) {
    EXPECT_EQ(open_refusal(Bytes(archive.begin(), archive.begin() + static_cast<std::ptrdiff_t>(size))),
              Refusal::NotAZip);
  }
}

TEST(Zip, DamagedContentIsFound) {
  Bytes archive = zip_of({{"a", Bytes{1, 2, 3, 4, 5, 6, 7, 8}}});
  archive[30 + 1 + 4] ^= 0x10;  // inside the packed data
  const auto reader = ZipReader::open(archive, 8);
  ASSERT_TRUE(reader);
  const auto content = reader->read(reader->entries()[0], 100);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().refusal, Refusal::EntryCorrupt);
}

TEST(Zip, SizesThatLieAreFound) {
  Bytes archive = zip_of({{"a", Bytes(100'000, 'z')}});
  const std::size_t directory = directory_offset(archive);
  archive[directory + 24] = 1;  // claims to inflate to one byte
  archive[directory + 25] = archive[directory + 26] = 0;
  const auto reader = ZipReader::open(archive, 8);
  ASSERT_TRUE(reader);
  const auto content = reader->read(reader->entries()[0], 1000);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().refusal, Refusal::EntryCorrupt);
  archive[directory + 25] = 0x03;  // 769 bytes, 100,000 come; and the other way round, more than come
  archive[directory + 26] = 0x02;
  const auto claims_more = ZipReader::open(archive, 8);
  ASSERT_TRUE(claims_more);
  EXPECT_EQ(claims_more->read(claims_more->entries()[0], 200'000).error().refusal, Refusal::EntryCorrupt);
}

TEST(Zip, OffsetsOutsideTheArchive) {
  Bytes archive = zip_of({{"a", Bytes{1}}});
  const std::size_t directory = directory_offset(archive);
  Bytes header_away = archive;
  header_away[directory + 45] = 0x7F;
  const auto reader = ZipReader::open(header_away, 8);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->read(reader->entries()[0], 10).error().refusal, Refusal::EntryCorrupt);
  Bytes directory_away = archive;
  directory_away[end_record(archive) + 18] = 0x7F;
  EXPECT_EQ(open_refusal(directory_away), Refusal::NotAZip);
}

TEST(Zip, OtherKindsOfZip) {
  const Bytes archive = zip_of({{"a", Bytes{1}}});
  const std::size_t directory = directory_offset(archive);
  Bytes encrypted = archive;
  encrypted[directory + 8] |= 1;
  EXPECT_EQ(
      ZipReader::open(encrypted, 8)->read(ZipReader::open(encrypted, 8)->entries()[0], 10).error().refusal,
      Refusal::NotAZip);
  Bytes method = archive;
  method[directory + 10] = 12;
  const auto reader = ZipReader::open(method, 8);
  EXPECT_EQ(reader->read(reader->entries()[0], 10).error().refusal, Refusal::NotAZip);
  Bytes volumes = archive;
  volumes[end_record(archive) + 4] = 1;
  EXPECT_EQ(open_refusal(volumes), Refusal::NotAZip);
}

}  // namespace
}  // namespace microvisor::protocol
