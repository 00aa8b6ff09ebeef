// A message is handled when it is there as a whole; what is no message closes the channel.
#include "cloud/channels/channel.hpp"

#include <algorithm>

namespace microvisor::cloud {
namespace {

std::uint32_t read_header(const protocol::Bytes& bytes) {
  return bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8U | static_cast<std::uint32_t>(bytes[2]) << 16U |
         static_cast<std::uint32_t>(bytes[3]) << 24U;
}

}  // namespace

Channel::Channel(ChannelOwner owner, std::size_t receive_buffer, std::function<void()> wake)
    : owner_(std::move(owner)), receive_buffer_(receive_buffer), wake_(std::move(wake)) {}

Channel::~Channel() { server_.reset(); }

void Channel::send(channel::Kind kind, const google::protobuf::MessageLite& message) {
  if (closed_) return;
  const std::size_t length = message.ByteSizeLong();
  const std::size_t start = for_device_.size();
  const auto header = static_cast<std::uint32_t>(length) | static_cast<std::uint32_t>(kind) << 24U;
  for (unsigned shift = 0; shift < 32; shift += 8)
    for_device_.push_back(static_cast<std::uint8_t>(header >> shift));
  for_device_.resize(start + kHeader + length);
  message.SerializeToArray(for_device_.data() + start + kHeader, static_cast<int>(length));
  wake_();
}

void Channel::close(link::StreamError error) {
  if (closed_) return;
  closed_ = error;
  wake_();
}

void Channel::from_device(protocol::ByteView bytes) {
  if (closed_) return;
  from_device_.insert(from_device_.end(), bytes.begin(), bytes.end());
  while (!closed_ && handle_message()) {
  }
}

/// False: there is none yet.
bool Channel::handle_message() {
  if (from_device_.size() < kHeader) return false;
  const std::uint32_t header = read_header(from_device_);
  const std::size_t length = header & 0xFF'FFFFU;
  if (length > kMaximumMessage) {
    close(link::STREAM_ERROR_PROTOCOL);
    return false;
  }
  if (from_device_.size() < kHeader + length) return false;
  const protocol::ByteView message(from_device_.data() + kHeader, length);
  if (!server_->received(static_cast<channel::Kind>(header >> 24U), message))
    close(link::STREAM_ERROR_PROTOCOL);
  from_device_.erase(from_device_.begin(),
                     from_device_.begin() + static_cast<std::ptrdiff_t>(kHeader + length));
  return true;
}

protocol::Bytes Channel::take_for_device(std::size_t at_most) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(at_most, for_device_.size()));
  protocol::Bytes taken(for_device_.begin(), for_device_.begin() + count);
  for_device_.erase(for_device_.begin(), for_device_.begin() + count);
  if (count > 0 && for_device_.empty() && !closed_) server_->drained();
  return taken;
}

}  // namespace microvisor::cloud
