// See decoding.hpp.
#include "firmware/update/decoding.hpp"

#include <algorithm>

namespace microvisor::firmware::update {

using protocol::transfer::kSegmentBytes;
using protocol::transfer::Status;

void Decoding::begin(std::uint32_t offset, std::uint32_t maximum_size, std::span<const std::uint8_t> base) {
  stored_ = offset % kSegmentBytes;
  sink_status_ = StagingStatus::Ok;
  complete_ = false;
  protocol::transfer::Sink& sink = *this;
  decoder_.emplace(protocol::transfer::Request{offset / kSegmentBytes, maximum_size, base}, sink, yield_);
}

StagingStatus Decoding::decode(std::span<const std::uint8_t> piece) {
  const Status status = decoder_->push(piece);
  complete_ = status == Status::Complete;
  if (status == Status::Ok || complete_) return StagingStatus::Ok;
  return status == Status::SinkFailed ? sink_status_ : StagingStatus::WrongHash;
}

bool Decoding::write(std::span<const std::uint8_t> bytes) {
  const std::size_t skipped = std::min<std::size_t>(stored_, bytes.size());
  stored_ -= static_cast<std::uint32_t>(skipped);
  sink_status_ = staging_.write(bytes.subspan(skipped));
  return sink_status_ == StagingStatus::Ok;
}

}  // namespace microvisor::firmware::update
