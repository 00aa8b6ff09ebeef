// Sizes of the transfer encodings of an image, for bench.py: encoding_sizes NEW [OLD [ADDRESS]] prints one
// line of JSON; the old one stands at ADDRESS. What was encoded is decoded again, in pieces as they come over
// the link, and compared.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "protocol/transfer/decoder.hpp"
#include "protocol/transfer/encoder.hpp"

using namespace microvisor::protocol;

namespace {

class Collector final : public transfer::Sink {
 public:
  bool write(ByteView bytes) override {
    received.insert(received.end(), bytes.begin(), bytes.end());
    return true;
  }
  Bytes received;
};

Bytes read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool decodes_to(ByteView object, ByteView base, ByteView stream) {
  Collector sink;
  transfer::Decoder decoder({.base = base}, sink);
  transfer::Status status = transfer::Status::Ok;
  for (std::size_t at = 0; at < stream.size(); at += 1024) {
    status = decoder.push(stream.subspan(at, std::min<std::size_t>(1024, stream.size() - at)));
  }
  return status == transfer::Status::Complete && std::ranges::equal(object, sink.received);
}

}  // namespace

int main(int count, char** arguments) {
  const Bytes object = count > 1 ? read_file(arguments[1]) : Bytes{};
  const Bytes base = count > 2 ? read_file(arguments[2]) : Bytes{};
  if (object.empty()) return 2;
  transfer::Base running{.bytes = base};
  if (count > 3) running.address = static_cast<std::uint32_t>(std::stoul(arguments[3], nullptr, 0));
  const Bytes stream = transfer::encode(object, running).stream();
  std::printf("{\"bytes\": %zu, \"encoded_bytes\": %zu}\n", object.size(), stream.size());
  return decodes_to(object, base, stream) ? 0 : 1;
}
