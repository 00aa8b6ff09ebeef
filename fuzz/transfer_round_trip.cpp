// Any object against any base: what is encoded decodes to the same object.
#include <algorithm>

#include "fuzz/input.hpp"
#include "protocol/transfer/encoder.hpp"
#include "protocol/transfer/test_stream.hpp"

namespace transfer = microvisor::protocol::transfer;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;
using microvisor::protocol::Bytes;
using microvisor::protocol::ByteView;

// The input is one image; object and base are parts of it that overlap, repeated up to a size beyond a
// segment.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t object_from = input.choose(256);
  const std::size_t base_from = input.choose(256);
  const std::size_t repetitions = 1 + (input.choose(8) == 0 ? input.choose(24) : 0);
  const ByteView rest = input.rest();
  if (object_from >= rest.size()) return 0;
  Bytes object;
  for (std::size_t i = 0; i < repetitions; ++i)
    object.insert(object.end(), rest.begin() + static_cast<std::ptrdiff_t>(object_from), rest.end());
  const ByteView base = rest.subspan(std::min(base_from, rest.size()));
  const transfer::Encoding encoding = transfer::encode(object, {.bytes = base});
  const std::uint32_t segment = encoding.segment_count() - 1;
  for (const std::uint32_t first : {0U, segment}) {
    const Bytes stream = encoding.stream(first);
    const transfer::test::Outcome outcome =
        transfer::test::decode(stream, {.first_segment = first, .base = base}, 100);
    require(outcome.status == transfer::Status::Complete);
    const ByteView expected = ByteView(object).subspan(std::size_t{first} * transfer::kSegmentBytes);
    require(std::equal(expected.begin(), expected.end(), outcome.object.begin(), outcome.object.end()));
  }
  return 0;
}
