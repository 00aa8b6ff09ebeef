// See debug_streams.hpp.
#include "firmware/kernel/link/debug_streams.hpp"

#include <algorithm>

namespace microvisor::firmware::link {

using protocol::debug::Closing;

namespace {

constexpr std::uint64_t kTick = 1'000'000;
constexpr std::uint64_t kMillisecond = 1'000;

microvisor_link_StreamError error_of(Closing why) {
  switch (why) {
    case Closing::Finished: return microvisor_link_StreamError_STREAM_ERROR_NONE;
    case Closing::TakenOver: return microvisor_link_StreamError_STREAM_ERROR_TAKEN_OVER;
    case Closing::Expired: return microvisor_link_StreamError_STREAM_ERROR_EXPIRED;
    case Closing::Authentication: return microvisor_link_StreamError_STREAM_ERROR_AUTHENTICATION;
    case Closing::Failed: return microvisor_link_StreamError_STREAM_ERROR_REFUSED;
    case Closing::Protocol: break;
  }
  return microvisor_link_StreamError_STREAM_ERROR_PROTOCOL;
}

microvisor_link_StreamError error_of(DebugRefusal why) {
  return why == DebugRefusal::ProtectionLevel ? microvisor_link_StreamError_STREAM_ERROR_PROTECTION_LEVEL
                                              : microvisor_link_StreamError_STREAM_ERROR_NO_DEBUG_KEY;
}

}  // namespace

DebugStreams::Stream* DebugStreams::find(std::uint32_t number) {
  for (Stream& stream : streams_) {
    if (number != 0 && stream.number == number) return &stream;
  }
  return nullptr;
}

void DebugStreams::connection_ended() {
  for (Stream& stream : streams_) {
    if (stream.number != 0) responder_.closed(stream.number);
    stream = {};
  }
  follow_session();
}

bool DebugStreams::open(FrameIo& io, std::uint32_t number, std::uint32_t credit, std::uint64_t now) {
  const auto free =
      std::find_if(streams_.begin(), streams_.end(), [](const Stream& s) { return s.number == 0; });
  const DebugAdmission admission = host_.debug_admission();
  if (admission.refusal != DebugRefusal::None) return io.send_close(number, error_of(admission.refusal));
  responder_.allow(admission.parties->keys, admission.parties->prologue);
  if (free == streams_.end() || !responder_.open(number, now / kMillisecond))
    return io.send_close(number, microvisor_link_StreamError_STREAM_ERROR_BUSY);
  *free = {};
  free->number = number;
  free->credit = credit;
  return io.send_credit(number, kWindow);
}

bool DebugStreams::step(FrameIo& io, std::uint64_t now) {
  bool did = false;
  if (now - ticked_ >= kTick) {
    ticked_ = now;
    responder_.tick(now / kMillisecond);
    if (session_ != 0) host_.debugged_application().look_after();
  }
  for (Stream& stream : streams_) did = feed(io, stream, now) || did;
  follow_session();
  did = serve() || did;
  for (Stream& stream : streams_) did = send(io, stream) || did;
  return close_endings(io) || did;
}

std::uint64_t DebugStreams::next_deadline(std::uint64_t now) const {
  return any() ? ticked_ + kTick : now + 3'600 * kTick;
}

bool DebugStreams::feed(FrameIo& io, Stream& stream, std::uint64_t now) {
  if (stream.number == 0 || stream.size == 0) return false;
  const auto waiting = std::span(stream.waiting).first(stream.size);
  const std::size_t taken = responder_.push(stream.number, waiting, now / kMillisecond);
  if (taken == 0) return false;
  std::copy(waiting.begin() + static_cast<std::ptrdiff_t>(taken), waiting.end(), stream.waiting.begin());
  stream.size -= static_cast<std::uint32_t>(taken);
  return io.send_credit(stream.number, static_cast<std::uint32_t>(taken));
}

/// Another session than before, or none any more: what the one before has set is undone.
void DebugStreams::follow_session() {
  if (responder_.session() == session_) return;
  if (session_ != 0) host_.debugged_application().detach();
  session_ = responder_.session();
  host_.debugger_attached(session_ != 0);
  if (session_ == 0) return;
  host_.debugged_application().attach();
  runner_.start();
}

/// One message, or one piece of news.
bool DebugStreams::serve() {
  if (session_ == 0) return false;
  const std::span<std::uint8_t> room = responder_.room();
  if (room.empty()) return false;
  if (end_before_reset()) return true;
  if (runner_.leaving()) {
    responder_.end_session();
    return true;
  }
  if (const auto message = responder_.message(); !message.empty()) {
    const std::size_t size = runner_.run(message, room);
    responder_.message_done();
    if (size == 0) {
      responder_.end_session(Closing::Protocol);
    } else {
      responder_.send(size);
    }
    return true;
  }
  const std::size_t size = runner_.news(room);
  if (size != 0) responder_.send(size);
  return size != 0;
}

/// The machine hears from the device itself what is coming.
bool DebugStreams::end_before_reset() {
  const auto reason = host_.reset_is_near();
  if (!reason) return false;
  responder_.end_session(Closing::Finished, *reason);
  return true;
}

bool DebugStreams::send(FrameIo& io, Stream& stream) {
  if (stream.number == 0) return false;
  const auto output = responder_.output(stream.number);
  const std::size_t count = std::min<std::size_t>({output.size(), stream.credit, kMaximumData});
  if (count == 0 || !io.send_data(stream.number, output.first(count))) return false;
  responder_.sent(stream.number, count);
  stream.credit -= static_cast<std::uint32_t>(count);
  return true;
}

bool DebugStreams::close_endings(FrameIo& io) {
  bool did = false;
  while (const auto ending = responder_.take_ending()) {
    Stream* stream = find(ending->number);
    const bool last = stream != nullptr && ending->size != 0 && stream->credit >= ending->size;
    if (last) did = io.send_data(ending->number, std::span(ending->last).first(ending->size));
    if (stream != nullptr) *stream = {};
    did = io.send_close(ending->number, error_of(ending->why)) || did;
  }
  if (did) follow_session();
  return did;
}

bool DebugStreams::received(std::uint32_t number, std::span<const std::uint8_t> bytes, bool& violation) {
  Stream* stream = find(number);
  if (stream == nullptr) return false;
  violation = bytes.size() > stream->waiting.size() - stream->size;
  if (violation) return true;
  std::copy(bytes.begin(), bytes.end(), stream->waiting.begin() + stream->size);
  stream->size += static_cast<std::uint32_t>(bytes.size());
  return true;
}

bool DebugStreams::credited(std::uint32_t number, std::uint32_t bytes) {
  Stream* stream = find(number);
  if (stream == nullptr) return false;
  stream->credit += bytes;
  return true;
}

bool DebugStreams::closed(std::uint32_t number) {
  Stream* stream = find(number);
  if (stream == nullptr) return false;
  responder_.closed(number);
  *stream = {};
  follow_session();
  return true;
}

}  // namespace microvisor::firmware::link
