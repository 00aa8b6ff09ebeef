// Encodings written by hand, after FORMAT.md, for tests: with DEFLATE's stored blocks, so that every byte is
// in sight.
#pragma once

#include <initializer_list>

#include "protocol/bundle/bytes.hpp"
#include "protocol/transfer/decoder.hpp"

namespace microvisor::protocol::transfer::test {

inline Bytes number(std::uint32_t value) {
  Bytes out;
  for (; value > 0x7F; value >>= 7) out.push_back(static_cast<std::uint8_t>(value % 128 + 128));
  out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline Bytes numbers(std::initializer_list<std::uint32_t> values) {
  Bytes out;
  for (const std::uint32_t value : values) out = joined({out, number(value)});
  return out;
}

inline Bytes copy(std::uint32_t count) { return number(count * 4); }
inline Bytes add(const Bytes& bytes) {
  return joined({number(static_cast<std::uint32_t>(bytes.size()) * 4 + 1), bytes});
}
inline Bytes insert(const Bytes& bytes) {
  return joined({number(static_cast<std::uint32_t>(bytes.size()) * 4 + 2), bytes});
}
inline Bytes move(std::int32_t by) {
  return number((by >= 0 ? 2 * static_cast<std::uint32_t>(by) : 2 * static_cast<std::uint32_t>(-by) - 1) * 4 +
                3);
}

/// RFC 1951, 3.2.4: stored blocks of at most 65,535 bytes; here one.
inline Bytes stored(const Bytes& bytes) {
  const auto low = static_cast<std::uint8_t>(bytes.size());
  const auto high = static_cast<std::uint8_t>(bytes.size() >> 8);
  return joined({{1, low, high, static_cast<std::uint8_t>(~low), static_cast<std::uint8_t>(~high)}, bytes});
}

class Collector final : public Sink {
 public:
  bool write(ByteView bytes) override {
    received.insert(received.end(), bytes.begin(), bytes.end());
    return received.size() <= limit;
  }
  Bytes received;
  std::size_t limit = SIZE_MAX;
};

struct Outcome {
  Status status;
  Bytes object;
};

/// Decodes in pieces of at most `piece` bytes, to the first status that is not Ok.
inline Outcome decode(ByteView stream, const Request& request = {}, std::size_t piece = SIZE_MAX) {
  Collector sink;
  Decoder decoder(request, sink);
  Status status = Status::Ok;
  while (!stream.empty() && status == Status::Ok) {
    const std::size_t size = std::min(piece, stream.size());
    status = decoder.push(stream.first(size));
    stream = stream.subspan(size);
  }
  return {stream.empty() || status != Status::Complete ? status : Status::Malformed,
          std::move(sink.received)};
}

}  // namespace microvisor::protocol::transfer::test
