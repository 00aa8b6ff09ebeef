// The length goes in front; everything else is protobuf. Nothing is copied twice but the rest of a cut-off
// frame.
#include "protocol/link/frame_codec.hpp"

namespace microvisor::protocol {

bool append_frame(std::vector<std::uint8_t>& wire, const link::Frame& frame) {
  const std::size_t size = frame.ByteSizeLong();
  if (size == 0 || size > kMaxFrameBytes) return false;
  const std::size_t start = wire.size();
  wire.resize(start + 2 + size);
  wire[start] = static_cast<std::uint8_t>(size >> 8);
  wire[start + 1] = static_cast<std::uint8_t>(size);
  return frame.SerializeToArray(&wire[start + 2], static_cast<int>(size));
}

void FrameReader::feed(std::span<const std::uint8_t> bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
  start_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

FrameReader::Status FrameReader::next(link::Frame& frame) {
  const std::size_t available = buffer_.size() - start_;
  if (available < 2) return Status::NeedMore;
  const std::size_t size = static_cast<std::size_t>(buffer_[start_]) << 8 | buffer_[start_ + 1];
  if (size == 0 || size > kMaxFrameBytes) return Status::BadLength;
  if (available < 2 + size) return Status::NeedMore;
  const bool good = frame.ParseFromArray(&buffer_[start_ + 2], static_cast<int>(size));
  start_ += 2 + size;
  return good ? Status::Frame : Status::Malformed;
}

}  // namespace microvisor::protocol
