// The decoder against FORMAT.md: streams written by hand, right ones and wrong ones.
#include "protocol/transfer/decoder.hpp"

#include <gtest/gtest.h>

#include "protocol/transfer/test_stream.hpp"

namespace microvisor::protocol::transfer {
namespace {

using namespace test;

const Bytes kBase{10, 11, 12, 13, 14, 15, 16, 17};

/// version, options, object_bytes, first_segment, base_bytes, base_address, count
Bytes header_for(std::uint32_t object_bytes, const Bytes& base) {
  return numbers({1, 0, object_bytes, 0, static_cast<std::uint32_t>(base.size()), 0x0800'0000, 0});
}

Outcome decode_instructions(std::uint32_t object_bytes, const Bytes& instructions,
                            const Bytes& base = kBase) {
  return decode(joined({header_for(object_bytes, base), stored(instructions)}), {.base = base});
}

void expect_object(const Outcome& outcome, const Bytes& object) {
  EXPECT_EQ(outcome.status, Status::Complete);
  EXPECT_EQ(outcome.object, object);
}

TEST(TransferDecoder, InsertsWithoutABase) {
  expect_object(decode(joined({numbers({1, 0, 3, 0, 0}), stored(insert({7, 8, 9}))})), {7, 8, 9});
}

TEST(TransferDecoder, CopiesAddsInsertsAndMoves) {
  expect_object(decode_instructions(5, copy(5)), {10, 11, 12, 13, 14});
  expect_object(decode_instructions(3, add({1, 255, 0})), {11, 10, 12});
  expect_object(decode_instructions(4, joined({copy(1), insert({9, 9}), copy(1)})), {10, 9, 9, 11});
  expect_object(decode_instructions(4, joined({move(6), copy(2), move(-8), copy(2)})), {16, 17, 10, 11});
}

TEST(TransferDecoder, InstructionsThatDoNotMakeTheSegment) {
  for (const Bytes& wrong : {Bytes{}, copy(2), joined({copy(2), copy(2)}), copy(4),
                             joined({copy(3), copy(1)}), insert({1, 2, 3, 4}), joined({copy(3), number(2)}),
                             number(0), number(1), number(2), joined({copy(3), move(1)})}) {
    EXPECT_EQ(decode_instructions(3, wrong).status, Status::Malformed);
  }
}

TEST(TransferDecoder, NothingBeyondTheBase) {
  EXPECT_EQ(decode_instructions(9, copy(9)).status, Status::Malformed);
  EXPECT_EQ(decode_instructions(2, joined({move(7), copy(2)})).status, Status::Malformed);
  EXPECT_EQ(decode_instructions(1, joined({move(-1), copy(1)})).status, Status::Malformed);
  EXPECT_EQ(decode_instructions(1, joined({move(8), copy(1)})).status, Status::Malformed);
  EXPECT_EQ(decode_instructions(2, joined({move(7), add({0, 0})})).status, Status::Malformed);
  EXPECT_EQ(decode(joined({numbers({1, 0, 1, 0, 0}), stored(copy(1))}), {.base = kBase}).status,
            Status::Malformed);
}

TEST(TransferDecoder, AMoveIsFollowedByItsUse) {
  EXPECT_EQ(decode_instructions(1, joined({move(1), move(1), copy(1)})).status, Status::Malformed);
  EXPECT_EQ(decode_instructions(2, joined({move(1), insert({1}), copy(1)})).status, Status::Malformed);
}

TEST(TransferDecoder, NumbersHave32BitsAndOneForm) {
  EXPECT_EQ(decode({{0x81, 0x00}}).status, Status::Malformed);                          // 1 in two bytes
  EXPECT_EQ(decode({{1, 0, 0x81, 0x80, 0x80, 0x80, 0x10}}).status, Status::Malformed);  // 33 bits
  EXPECT_EQ(decode({{1, 0, 0x81, 0x80, 0x80, 0x80, 0x81}}).status, Status::Malformed);  // six bytes
  EXPECT_EQ(decode({{1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}}).status, Status::TooLarge);   // 2^32 - 1
}

TEST(TransferDecoder, HeadersThatAreRefused) {
  const Request request{.first_segment = 1, .maximum_bytes = 40'000, .base = kBase};
  EXPECT_EQ(decode(numbers({2}), request).status, Status::Malformed);
  EXPECT_EQ(decode(numbers({1, 2}), request).status, Status::Malformed);
  EXPECT_EQ(decode(numbers({1, 0, 0}), request).status, Status::Malformed);
  EXPECT_EQ(decode(numbers({1, 0, 40'001}), request).status, Status::TooLarge);
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 0}), request).status, Status::NotAsAsked);
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 3}), request).status, Status::Malformed);
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 1, 7}), request).status, Status::OtherBase);
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 1, 8, 0, 33}), request).status, Status::Malformed);
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 1, 8, 0, 2, 5, 0, 0, 0}), request).status,
            Status::Malformed);  // starts do not rise
  EXPECT_EQ(decode(numbers({1, 0, 40'000, 1, 8, 0, 2, 5, 0, 0xFFFF'FFFB}), request).status,
            Status::Malformed);  // beyond 2^32
}

TEST(TransferDecoder, SegmentsAreDeflateStreamsOfTheirOwn) {
  const Bytes first(kSegmentBytes, 'a');
  const Bytes second(100, 'b');
  const Bytes stream =
      joined({numbers({1, 0, kSegmentBytes + 100, 0, 0}), stored(insert(first)), stored(insert(second))});
  expect_object(decode(stream), joined({first, second}));
  const Bytes rest = joined({numbers({1, 0, kSegmentBytes + 100, 1, 0}), stored(insert(second))});
  expect_object(decode(rest, {.first_segment = 1}), second);
}

// RFC 1951, 3.2.6: fixed codes. 3 bits of header (011), then length 3 (code 257: 0000001), distance 1 (code
// 0: 00000).
TEST(TransferDecoder, DistancesEndAtTheSegmentsStart) {
  const Bytes first =
      joined({numbers({1, 0, kSegmentBytes + 3, 0, 0}), stored(insert(Bytes(kSegmentBytes, 'a')))});
  EXPECT_EQ(decode(joined({first, {0b0000'0011, 0b0000'0010, 0}})).status, Status::Malformed);
}

TEST(TransferDecoder, BytesBehindTheEndAreRefused) {
  const Bytes stream = joined({numbers({1, 0, 1, 0, 0}), stored(insert({7})), {0}});
  EXPECT_EQ(decode(stream).status, Status::Malformed);
  EXPECT_EQ(decode(stream, {}, 1).status, Status::Malformed);
}

TEST(TransferDecoder, AStatusIsFinal) {
  Collector sink;
  Decoder decoder({}, sink);
  EXPECT_EQ(decoder.push(Bytes{2}), Status::Malformed);
  EXPECT_EQ(decoder.push(joined({numbers({1, 0, 1, 0, 0}), stored(insert({7}))})), Status::Malformed);
  EXPECT_TRUE(sink.received.empty());
}

TEST(TransferDecoder, ASinkMayFail) {
  Collector sink;
  sink.limit = 200;
  Decoder decoder({}, sink);
  EXPECT_EQ(decoder.push(joined({numbers({1, 0, 1000, 0, 0}), stored(insert(Bytes(1000, 1)))})),
            Status::SinkFailed);
  EXPECT_EQ(sink.received.size(), 2 * kStepBytes);
}

TEST(TransferDecoder, InstructionsOfASegmentAreLimited) {
  // Three bytes of instructions for each byte of the object, which otherwise would be right.
  const Bytes base(kSegmentBytes, 1);
  Bytes instructions;
  for (std::uint32_t i = 0; i < kSegmentBytes; i += 2) {
    for (const Bytes& part : {move(100), copy(1), move(-101), copy(1)}) {
      instructions.insert(instructions.end(), part.begin(), part.end());
    }
  }
  ASSERT_GT(instructions.size(), kMaximumInstructionBytes);
  const Bytes stream = joined({header_for(kSegmentBytes, base), stored(instructions)});
  const Outcome outcome = decode(stream, {.base = base});
  EXPECT_EQ(outcome.status, Status::Malformed);
  EXPECT_GT(outcome.object.size(), kSegmentBytes / 2);
}

// ---- Prediction
// ------------------------------------------------------------------------------------------------------------

struct MapEntry {
  std::uint32_t start;
  std::int32_t shift;
};

/// A copy of all of `base` to `offset` of an object that otherwise is zero. The map is one entry, up to the
/// end of the flash.
Bytes predicted(const Bytes& base, std::uint32_t offset, MapEntry entry) {
  const auto shift = entry.shift >= 0 ? 2 * static_cast<std::uint32_t>(entry.shift)
                                      : 2 * static_cast<std::uint32_t>(-entry.shift) - 1;
  const auto size = static_cast<std::uint32_t>(base.size());
  const Bytes head = numbers(
      {1, 0, offset + size, 0, size, 0x0800'0000, 2, entry.start, shift, 0x1000'0000 - entry.start, 0});
  const Bytes instructions = offset == 0 ? copy(size) : joined({insert(Bytes(offset, 0)), copy(size)});
  const Outcome outcome = decode(joined({head, stored(instructions)}), {.base = base});
  EXPECT_EQ(outcome.status, Status::Complete);
  return {outcome.object.begin() +
              static_cast<std::ptrdiff_t>(std::min<std::size_t>(offset, outcome.object.size())),
          outcome.object.end()};
}

TEST(TransferPrediction, WordsWithMovedAddresses) {
  const Bytes word{0x10, 0x00, 0x00, 0x08};  // 0x0800'0010
  EXPECT_EQ(predicted(word, 0, {0x0800'0010, 0x20}), (Bytes{0x30, 0x00, 0x00, 0x08}));
  EXPECT_EQ(predicted(word, 0, {0x0800'0010, -0x11}), (Bytes{0xFF, 0xFF, 0xFF, 0x07}));
  EXPECT_EQ(predicted(word, 4, {0x0800'0010, 0x20}), (Bytes{0x30, 0x00, 0x00, 0x08}));
  EXPECT_EQ(predicted(word, 0, {0x0800'0011, 0x20}), word) << "below the first start";
  EXPECT_EQ(predicted(word, 2, {0x0800'0010, 0x20}), word) << "no longer aligned";
  EXPECT_EQ(predicted({0x10, 0x00, 0x00}, 0, {0, 0x20}), (Bytes{0x10, 0x00, 0x00})) << "not whole";
}

// Armv8-M ARM, BL encoding T1: BL to itself (distance -4) is F7FF FFFE, to the next instruction (0) F000
// F800.
TEST(TransferPrediction, CallsOfWhatHasMoved) {
  const Bytes to_next{0x00, 0xF0, 0x00, 0xF8};
  EXPECT_EQ(predicted(to_next, 0, {0x0800'0004, 2}), (Bytes{0x00, 0xF0, 0x01, 0xF8}))
      << "the target has moved on by 2";
  EXPECT_EQ(predicted(to_next, 0, {0x0800'0004, -4}), (Bytes{0xFF, 0xF7, 0xFE, 0xFF}))
      << "the target has become the call";
  EXPECT_EQ(predicted(to_next, 4, {0x0800'0005, 2}), (Bytes{0xFF, 0xF7, 0xFE, 0xFF}))
      << "the call has moved, its target not";
  EXPECT_EQ(predicted(to_next, 2, {0x0800'0004, 2}), to_next) << "both have moved alike";
  EXPECT_EQ(predicted(to_next, 1, {0x0800'0004, 2}), to_next) << "no code at odd offsets";
  EXPECT_EQ(predicted(to_next, 0, {0x0800'0004, 3}), to_next) << "no code at odd targets";
  EXPECT_EQ(predicted(to_next, 0, {0x0800'0004, 0x0100'0000}), to_next) << "too far";
  // B.W, encoding T4, to the next instruction.
  EXPECT_EQ(predicted({0x00, 0xF0, 0x00, 0xB8}, 0, {0x0800'0004, 2}), (Bytes{0x00, 0xF0, 0x01, 0xB8}));
}

TEST(TransferPrediction, SecondHalvesOfInstructionsAreNoBranches) {
  // MUL r0, r1, r2 is FB01 F002, LDR r0, [sp] is 9800: F002 9800 is not a B.W.
  const Bytes code{0x01, 0xFB, 0x02, 0xF0, 0x00, 0x98};
  EXPECT_EQ(predicted(code, 0, {0x0800'0000, 2}), code);
}

TEST(TransferPrediction, GoesOnFromCopyToAdd) {
  const Bytes base{0x00, 0xF0, 0x00, 0xF8};
  const Bytes head = numbers({1, 0, 4, 0, 4, 0x0800'0000, 2, 0x0800'0004, 2 * 2, 0x0800'0000, 0});
  const Outcome outcome = decode(joined({head, stored(joined({copy(2), add({1, 0})}))}), {.base = base});
  expect_object(outcome, {0x00, 0xF0, 0x02, 0xF8});  // a distance of 2 is a 1 in that byte, and 1 is added
}

// ---- Absolute calls
// --------------------------------------------------------------------------------------------------------

Bytes relative_of(const Bytes& inserted, std::uint32_t offset = 0) {
  const auto size = static_cast<std::uint32_t>(inserted.size());
  const Bytes base(std::max<std::uint32_t>(offset, 1), 0);
  const Bytes before = offset == 0 ? Bytes{} : copy(offset);
  const Bytes head = numbers({1, 1, offset + size, 0, static_cast<std::uint32_t>(base.size()), 0, 0});
  const Outcome outcome =
      decode(joined({head, stored(joined({before, insert(inserted)}))}), {.base = base}, 3);
  EXPECT_EQ(outcome.status, Status::Complete);
  return {outcome.object.begin() + offset, outcome.object.end()};
}

TEST(TransferAbsoluteCalls, BecomeDistances) {
  EXPECT_EQ(relative_of({0x00, 0xF0, 0x02, 0xF8}), (Bytes{0x00, 0xF0, 0x00, 0xF8}))
      << "target 4 from offset 0: distance 0";
  EXPECT_EQ(relative_of({0x00, 0xF0, 0x00, 0xF8}), (Bytes{0xFF, 0xF7, 0xFE, 0xFF}))
      << "target 0 from offset 0: distance -4";
  EXPECT_EQ(relative_of({0x00, 0xF0, 0x00, 0xF8}, 4), (Bytes{0xFF, 0xF7, 0xFC, 0xFF}))
      << "target 0 from offset 4: distance -8";
  EXPECT_EQ(relative_of({0x70, 0x47, 0x00, 0xF0, 0x03, 0xF8}), (Bytes{0x70, 0x47, 0x00, 0xF0, 0x00, 0xF8}))
      << "behind BX LR";
  EXPECT_EQ(relative_of({0x77, 0x00, 0xF0, 0x03, 0xF8}, 1), (Bytes{0x77, 0x00, 0xF0, 0x00, 0xF8}))
      << "from an odd offset on";
  EXPECT_EQ(relative_of({0x00, 0xF0, 0x02, 0xB8}), (Bytes{0x00, 0xF0, 0x02, 0xB8})) << "B.W stays";
  EXPECT_EQ(relative_of({0x00, 0xF0, 0x02}), (Bytes{0x00, 0xF0, 0x02})) << "not whole";
}

// ---- Bounded steps
// ---------------------------------------------------------------------------------------------------------

std::uint32_t hook_calls = 0;
void count_hook() { ++hook_calls; }

class StepSink final : public Sink {
 public:
  bool write(ByteView bytes) override {
    longest = std::max(longest, bytes.size());
    if (hook_calls == calls_seen_ && count > 0) ++writes_without_hook;
    calls_seen_ = hook_calls;
    ++count;
    return true;
  }
  std::size_t longest = 0;
  std::uint32_t count = 0;
  std::uint32_t writes_without_hook = 0;

 private:
  std::uint32_t calls_seen_ = 0;
};

TEST(TransferDecoder, CallsTheHookBetweenAnyTwoWrites) {
  const Bytes base(kSegmentBytes, 5);
  hook_calls = 0;
  StepSink sink;
  Decoder decoder({.base = base}, sink, &count_hook);
  EXPECT_EQ(decoder.push(joined({header_for(kSegmentBytes, base), stored(copy(kSegmentBytes))})),
            Status::Complete);
  EXPECT_EQ(sink.longest, kStepBytes);
  EXPECT_EQ(sink.count, kSegmentBytes / kStepBytes);
  EXPECT_EQ(sink.writes_without_hook, 0U);
}

TEST(TransferDecoder, CallsTheHookWhileNothingIsWritten) {
  // Empty stored blocks, none of them the last.
  Bytes empty;
  for (int i = 0; i < 2000; ++i) empty = joined({empty, {0, 0, 0, 0xFF, 0xFF}});
  hook_calls = 0;
  Collector sink;
  Decoder decoder({}, sink, &count_hook);
  EXPECT_EQ(decoder.push(joined({numbers({1, 0, 1, 0, 0}), empty})), Status::Ok);
  EXPECT_GE(hook_calls, empty.size() / kStepBytes);
}

}  // namespace
}  // namespace microvisor::protocol::transfer
