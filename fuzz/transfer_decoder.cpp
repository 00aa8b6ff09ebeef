// Transfer encodings of any bytes: the decoder stays within base and object, and the pieces that bytes come
// in make no difference. Every other input is taken as instructions and put into a stream, for a change of
// them seldom gets through DEFLATE.
#include <algorithm>
#include <array>

#include "fuzz/input.hpp"
#include "protocol/transfer/test_stream.hpp"

namespace transfer = microvisor::protocol::transfer;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;
using microvisor::protocol::Bytes;
using microvisor::protocol::ByteView;

namespace {

constexpr std::uint32_t kMaximumBytes = 3 * transfer::kSegmentBytes;
constexpr std::uint32_t kBaseBytes = 20'000;

/// Code-like: calls, words with addresses, and both at all distances from each other.
Bytes make_base() {
  Bytes base;
  for (std::uint32_t i = 0; base.size() < kBaseBytes; ++i) {
    const std::array<std::uint32_t, 3> words{0xF800'F000U | i << 16, 0x0800'0000U + 16 * i, i * 0x0101'4657U};
    for (int shift = 0; shift < 32; shift += 8)
      base.push_back(static_cast<std::uint8_t>(words[i % 3] >> shift));
    if (i % 50 == 49) base.push_back(0x46);
  }
  base.resize(kBaseBytes);
  return base;
}

Bytes stream_of_instructions(Input& input) {
  namespace test = transfer::test;
  const std::uint32_t size = 1 + input.choose(256) + 256 * input.choose(32);
  const Bytes header = test::numbers({1, input.choose(2), size, 0, kBaseBytes, 0x0800'0000, 3, 0x0800'0100,
                                      input.choose(256), 0x100, 2 * input.choose(256), 0x1000'0000, 0});
  return test::joined({header, test::stored(Bytes(input.rest().begin(), input.rest().end()))});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes base = make_base();
  Input input(data, size);
  const std::size_t piece = 1 + input.choose(200);
  const bool as_instructions = input.choose(2) == 1;
  const bool with_base = as_instructions || input.choose(2) == 1;
  const transfer::Request request{.first_segment = as_instructions ? 0 : input.choose(2),
                                  .maximum_bytes = kMaximumBytes,
                                  .base = with_base ? ByteView(base) : ByteView()};
  const Bytes stream =
      as_instructions ? stream_of_instructions(input) : Bytes(input.rest().begin(), input.rest().end());
  const transfer::test::Outcome outcome = transfer::test::decode(stream, request, piece);
  require(outcome.object.size() <= kMaximumBytes);
  const transfer::test::Outcome whole = transfer::test::decode(stream, request);
  require(whole.status == outcome.status && whole.object == outcome.object);
  return 0;
}
