// Whoever changes what the other side waits for wakes it.
#include "cloud/channels/byte_stream.hpp"

namespace microvisor::cloud {

ByteStream::ByteStream(ChannelOwner owner, std::string endpoint, ByteStreamCounters& counters,
                       std::function<void(const std::string&)> at_failure)
    : owner_(std::move(owner)),
      endpoint_(std::move(endpoint)),
      counters_(counters),
      at_failure_(std::move(at_failure)) {
  ++counters_.opened;
  ++counters_.open;
}

ByteStream::~ByteStream() { --counters_.open; }

void ByteStream::from_far_end(protocol::ByteView bytes) {
  if (closed_ || device_end_ != DeviceEnd::None) return;
  counters_.bytes_to_devices += bytes.size();
  buffer_.from_far_end(bytes);
  if (device_) device_();
}

protocol::Bytes ByteStream::take_for_far_end() {
  protocol::Bytes bytes = buffer_.take_for_far_end();
  if (!bytes.empty() && device_) device_();
  return bytes;
}

void ByteStream::close(link::StreamError error, const std::string& why) {
  if (closed_) return;
  closed_ = error;
  if (error != link::STREAM_ERROR_NONE && device_end_ != DeviceEnd::Gone) {
    ++counters_.failed;
    if (at_failure_) at_failure_(why);
  }
  if (device_) device_();
}

void ByteStream::from_device(protocol::ByteView bytes) {
  counters_.bytes_from_devices += bytes.size();
  buffer_.from_device(bytes);
  if (server_) server_();
}

protocol::Bytes ByteStream::take_for_device(std::size_t at_most) {
  protocol::Bytes bytes = buffer_.take_for_device(at_most);
  if (!bytes.empty() && server_) server_();
  return bytes;
}

void ByteStream::device_ended(DeviceEnd end) {
  if (device_end_ != DeviceEnd::None) return;
  device_end_ = end;
  device_ = nullptr;
  if (server_) server_();
}

}  // namespace microvisor::cloud
