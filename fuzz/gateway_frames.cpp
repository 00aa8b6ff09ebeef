// Frames of the device link as the gateway reads them. The pieces that bytes come in make no difference, and
// what has been read can be sent.
#include <algorithm>
#include <vector>

#include "fuzz/input.hpp"
#include "protocol/link/frame_codec.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
using microvisor::protocol::FrameReader;

namespace {

struct Read {
  std::vector<std::string> frames;
  FrameReader::Status end = FrameReader::Status::NeedMore;
};

Read read_all(std::span<const std::uint8_t> bytes, std::size_t piece) {
  FrameReader reader;
  Read result;
  while (!bytes.empty() && result.end == FrameReader::Status::NeedMore) {
    const std::size_t size = std::min(piece, bytes.size());
    reader.feed(bytes.first(size));
    bytes = bytes.subspan(size);
    microvisor::link::Frame frame;
    while ((result.end = reader.next(frame)) == FrameReader::Status::Frame) {
      std::vector<std::uint8_t> wire;
      // Sent again it may be longer, for example by fields whose default was not written as such; never is it
      // malformed.
      if (microvisor::protocol::append_frame(wire, frame)) require(wire.size() >= 2);
      result.frames.push_back(frame.SerializeAsString());
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t piece = 1 + input.choose(256);
  const Read in_pieces = read_all(input.rest(), piece);
  const Read whole = read_all(input.rest(), std::max<std::size_t>(input.rest().size(), 1));
  require(in_pieces.end == whole.end && in_pieces.frames == whole.frames);
  return 0;
}
