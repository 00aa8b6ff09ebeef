// The bytes of a statement, put together by hand from the table in protocol/LINK.md.
#include "protocol/link/attestation.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace microvisor::protocol {
namespace {

AttestedDigest filled(std::uint8_t value) {
  AttestedDigest digest;
  digest.fill(value);
  return digest;
}

AttestationStatement statement() {
  AttestationStatement s;
  s.nonce = filled(0xA1);
  s.boot = {.record = 0x0000'0002,
            .reset_cause = 0x1400'0000,
            .ratchet = 5,
            .kernel_ratchet = 6,
            .kernel_version = 0x0102'0304,
            .bootrom = filled(0xB1),
            .upgrader = filled(0xB2),
            .kernel = filled(0xB3),
            .kernel_manifest = filled(0xB4)};
  s.application = filled(0xC1);
  return s;
}

std::vector<std::uint8_t> by_hand() {
  const std::string prefix = "microvisor attestation 1";
  std::vector<std::uint8_t> bytes(prefix.begin(), prefix.end());
  const auto digest = [&](std::uint8_t value) { bytes.insert(bytes.end(), 32, value); };
  digest(0xA1);
  for (const int byte : {1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 2, 0x14, 0, 0, 0})
    bytes.push_back(static_cast<std::uint8_t>(byte));
  for (const std::uint8_t value : {0xB1, 0xB2, 0xB3, 0xB4, 0xC1}) digest(value);
  return bytes;
}

TEST(AttestationTest, TheStatementIsItsFieldsInTheirOrder) {
  AttestationBytes bytes{};
  write_statement(statement(), bytes);
  EXPECT_EQ(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), by_hand());
}

TEST(AttestationTest, WhatWasWrittenIsRead) {
  AttestationStatement read;
  ASSERT_TRUE(read_statement(by_hand(), read));
  EXPECT_EQ(read, statement());
}

TEST(AttestationTest, OtherBytesAreNoStatement) {
  AttestationStatement read;
  auto bytes = by_hand();
  bytes.pop_back();
  EXPECT_FALSE(read_statement(bytes, read)) << "too short";
  bytes.resize(bytes.size() + 2);
  EXPECT_FALSE(read_statement(bytes, read)) << "too long";
  bytes = by_hand();
  bytes[23] = '2';
  EXPECT_FALSE(read_statement(bytes, read)) << "another version";
}

}  // namespace
}  // namespace microvisor::protocol
