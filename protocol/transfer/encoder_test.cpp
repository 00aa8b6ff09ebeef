// What the encoder makes the decoder reads, whatever the object, the base, the pieces and the segment it
// begins at.
#include "protocol/transfer/encoder.hpp"

#include <gtest/gtest.h>

#include <random>

#include "protocol/transfer/test_stream.hpp"

namespace microvisor::protocol::transfer {
namespace {

Bytes noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

void append_half(Bytes& out, std::uint32_t half) {
  out.push_back(static_cast<std::uint8_t>(half));
  out.push_back(static_cast<std::uint8_t>(half >> 8));
}

constexpr std::uint32_t kAddress = 0x0800'0000;
constexpr std::uint32_t kFunctions = 500;
constexpr std::uint32_t kFunctionBytes = 64;

/// Functions of 64 bytes, each with a call of another one and the address of a third; `gap` bytes lie in
/// front of function 100.
Bytes program(std::uint32_t gap) {
  std::mt19937 random(1);
  const auto place = [gap](std::uint32_t function) {
    return function * kFunctionBytes + (function >= 100 ? gap : 0);
  };
  Bytes out;
  for (std::uint32_t function = 0; function < kFunctions; ++function) {
    if (function == 100) out.resize(out.size() + gap, 0xBF);
    const std::uint32_t distance =
        place(static_cast<std::uint32_t>(random()) % kFunctions) - (place(function) + 4);
    // BL, encoding T1; all distances are below 2^22, so that J1 and J2 are 1.
    append_half(out, 0xF000U | (distance >> 31) << 10 | (distance >> 12 & 0x3FFU));
    append_half(out, 0xF800U | (distance >> 1 & 0x7FFU));
    const std::uint32_t address = kAddress + place(static_cast<std::uint32_t>(random()) % kFunctions) + 1;
    append_half(out, address & 0xFFFFU);
    append_half(out, address >> 16);
    while (out.size() % kFunctionBytes != (function >= 100 ? gap % kFunctionBytes : 0))
      append_half(out, random() & 0x7FFFU);
  }
  return out;
}

void expect_round_trip(ByteView object, ByteView base) {
  const Encoding encoding = encode(object, {.bytes = base});
  ASSERT_EQ(encoding.segment_count(), segments_of(static_cast<std::uint32_t>(object.size())));
  for (std::uint32_t segment = 0; segment < encoding.segment_count(); ++segment) {
    const Bytes stream = encoding.stream(segment);
    EXPECT_EQ(stream.size(), encoding.size(segment));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
      const test::Outcome outcome = test::decode(stream, {.first_segment = segment, .base = base}, piece);
      EXPECT_EQ(outcome.status, Status::Complete);
      const ByteView rest = object.subspan(std::size_t{segment} * kSegmentBytes);
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(), outcome.object.begin(), outcome.object.end()))
          << "segment " << segment;
    }
  }
}

TEST(TransferEncoder, ObjectsOfAllSizes) {
  for (const std::size_t size : {1UL, 2UL, 3UL, 5UL, 16383UL, 16384UL, 16385UL, 40001UL}) {
    expect_round_trip(Bytes(size, 0xFF), {});
    expect_round_trip(noise(size, 1), {});
    expect_round_trip(noise(size, 1), noise(size, 1));
    expect_round_trip(noise(size, 1), Bytes(size, 0));
    expect_round_trip(noise(size, 1), noise(100, 1));
    expect_round_trip(noise(size, 1), noise(1, 1));
  }
}

TEST(TransferEncoder, PartsMovedAboutAndChanged) {
  std::mt19937 random(7);
  const Bytes base = program(0);
  for (int round = 0; round < 10; ++round) {
    Bytes object;
    while (object.size() < 30'000) {
      const std::size_t from = random() % base.size();
      const std::size_t size = std::min<std::size_t>(random() % 4000, base.size() - from);
      object.insert(object.end(), base.begin() + static_cast<std::ptrdiff_t>(from),
                    base.begin() + static_cast<std::ptrdiff_t>(from + size));
      for (std::size_t i = 0; i < size / 50; ++i)
        object[object.size() - 1 - random() % size] = static_cast<std::uint8_t>(random());
    }
    expect_round_trip(object, base);
    expect_round_trip(base, object);
  }
}

TEST(TransferEncoder, WhatHasNotChangedCostsNothing) {
  const Bytes image = noise(100'000, 3);
  EXPECT_LT(encode(image, {.bytes = image}).size(), 100U);
}

TEST(TransferEncoder, CodeThatHasMovedCostsLittle) {
  const Bytes old_program = program(0);
  const Bytes new_program = program(24);
  expect_round_trip(new_program, old_program);
  // 1,000 operands, of which a third or so have changed.
  EXPECT_LT(encode(new_program, {.bytes = old_program, .address = kAddress}).size(), 150U);
}

// Stored blocks of at most the window's size, 5 bytes each.
TEST(TransferEncoder, NoiseGrowsLittle) {
  const Bytes object = noise(100'000, 4);
  const std::size_t bound = object.size() + 20 + 48 * encode(object).segment_count();
  EXPECT_LT(encode(object).size(), bound);
  EXPECT_LT(encode(object, {.bytes = noise(100'000, 5)}).size(), bound);
}

TEST(TransferEncoder, RefusesWhatTheFormatCannotSay) {
  EXPECT_THROW(encode(Bytes{}), std::invalid_argument);
  EXPECT_THROW(encode(Bytes(kMaximumObjectBytes + 1)), std::invalid_argument);
}

// Damage anywhere is either found or decodes to other bytes of the same length, which the object's hash
// tells.
TEST(TransferEncoder, DamagedStreamsStayWithinTheObject) {
  const Bytes base = program(0);
  const Bytes object = program(24);
  const Bytes stream = encode(object, {.bytes = base, .address = kAddress}).stream();
  constexpr std::size_t kSizeFields = 4;  // version, options, object_bytes: damage there changes the length
  for (std::size_t at = 0; at < stream.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = stream;
      damaged[at] ^= static_cast<std::uint8_t>(1 << bit);
      const test::Outcome outcome = test::decode(damaged, {.maximum_bytes = 65'536, .base = base});
      EXPECT_LE(outcome.object.size(), 65'536U);
      if (outcome.status == Status::Complete && at > kSizeFields) {
        EXPECT_EQ(outcome.object.size(), object.size());
      }
    }
  }
  for (std::size_t size = 0; size < stream.size(); ++size) {
    EXPECT_EQ(test::decode(ByteView(stream).first(size), {.base = base}).status, Status::Ok);
  }
}

}  // namespace
}  // namespace microvisor::protocol::transfer
