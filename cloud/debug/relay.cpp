// Bytes are counted where they come in.
#include "cloud/debug/relay.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::cloud {
namespace {

constexpr std::uint16_t kNormal = 1000;     // RFC 6455 section 7.4.1
constexpr std::uint16_t kGoingAway = 1001;  // likewise
constexpr std::uint16_t kPrivate = 4000;    // section 7.4.2

std::string describe_error(link::StreamError error) {
  switch (error) {
    case link::STREAM_ERROR_NONE: return "the device has ended the session";
    case link::STREAM_ERROR_REFUSED: return "the device refuses";
    case link::STREAM_ERROR_PROTOCOL: return "the device has been sent something that is no debug session";
    case link::STREAM_ERROR_NO_DEBUG_KEY: return "the application's bundle has no debug key";
    case link::STREAM_ERROR_PROTECTION_LEVEL:
      return "the device cannot be debugged at its read-out protection level";
    case link::STREAM_ERROR_BUSY: return "somebody else is about to begin a session";
    case link::STREAM_ERROR_TAKEN_OVER: return "another session has taken over";
    case link::STREAM_ERROR_AUTHENTICATION:
      return "the device cannot verify what it was sent: the key is not its application's, or the way "
             "changed it";
    case link::STREAM_ERROR_EXPIRED: return "the device has heard nothing for too long";
    default: return "the device has ended the session with error " + std::to_string(error);
  }
}

}  // namespace

std::string describe(const RelayEnd& end) {
  switch (end.by) {
    case RelayEnd::By::Machine: return "the developer's machine has gone";
    case RelayEnd::By::Device: return describe_error(end.error);
    case RelayEnd::By::Connection: return "the device is not connected any more";
    case RelayEnd::By::Stop: return "the service stops";
  }
  return "";
}

std::uint16_t close_code(const RelayEnd& end) {
  switch (end.by) {
    case RelayEnd::By::Machine: return kNormal;
    case RelayEnd::By::Device:
      return end.error == link::STREAM_ERROR_NONE
                 ? kNormal
                 : static_cast<std::uint16_t>(kPrivate + std::min<int>(end.error, 99));
    case RelayEnd::By::Connection: return kDeviceGone;
    case RelayEnd::By::Stop: return kGoingAway;
  }
  return kNormal;
}

DebugRelay::DebugRelay(DebugCounters& counters, std::function<void(const DebugRelay&)> at_end)
    : counters_(counters), at_end_(std::move(at_end)) {
  ++counters_.opened;
  ++counters_.open;
}

DebugRelay::~DebugRelay() {
  set_machine(nullptr);
  set_device(nullptr);
  end({RelayEnd::By::Machine});
}

void DebugRelay::from_machine(protocol::ByteView bytes) {
  if (end_) return;
  bytes_to_device_ += bytes.size();
  counters_.bytes_to_devices += bytes.size();
  buffer_.from_far_end(bytes);
  if (device_) device_();
}

protocol::Bytes DebugRelay::take_for_machine() {
  protocol::Bytes bytes = buffer_.take_for_far_end();
  if (!bytes.empty() && device_) device_();
  return bytes;
}

void DebugRelay::from_device(protocol::ByteView bytes) {
  if (end_) return;
  bytes_from_device_ += bytes.size();
  counters_.bytes_from_devices += bytes.size();
  buffer_.from_device(bytes);
  if (machine_) machine_();
}

protocol::Bytes DebugRelay::take_for_device(std::size_t at_most) {
  protocol::Bytes bytes = buffer_.take_for_device(at_most);
  if (!bytes.empty() && machine_) machine_();
  return bytes;
}

void DebugRelay::end(RelayEnd end) {
  if (end_) return;
  end_ = end;
  --counters_.open;
  if (at_end_) at_end_(*this);
  if (machine_) machine_();
  if (device_) device_();
}

}  // namespace microvisor::cloud
