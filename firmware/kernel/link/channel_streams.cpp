// See channel_streams.hpp.
#include "firmware/kernel/link/channel_streams.hpp"

#include <algorithm>

namespace microvisor::firmware::link {

namespace {

constexpr std::size_t kPiece = kSegmentData;  // sent at a time, so that the channels take turns
static_assert(kPiece <= kMaximumData);

/// protocol/LINK.md, "Channel".
ChannelEnd end_of(microvisor_link_StreamError error) {
  switch (error) {
    case microvisor_link_StreamError_STREAM_ERROR_NONE: return ChannelEnd::ClosedByServer;
    case microvisor_link_StreamError_STREAM_ERROR_CANCELLED: return ChannelEnd::ResetByServer;
    default: return ChannelEnd::TerminatedByError;
  }
}

}  // namespace

void ChannelStreams::connection_ended() {
  for (unsigned index = 0; index < kChannelSlots; ++index) {
    const Channel channel = host_.channel(index);
    if (channel.id == 0) continue;
    if (channel.closing) {
      host_.channel_released(index);
    } else {
      host_.channel_ended(index, ChannelEnd::NetworkDisconnected);
    }
  }
  slots_ = {};
}

bool ChannelStreams::any() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.id != 0; });
}

bool ChannelStreams::idle() const {
  for (unsigned index = 0; index < kChannelSlots; ++index) {
    const Channel channel = host_.channel(index);
    if (channel.id != 0 && channel.closing) return false;
  }
  return true;
}

bool ChannelStreams::step(FrameIo& io) {
  if (io.held_back()) return false;
  bool any = false;
  for (unsigned index = 0; index < kChannelSlots; ++index) any |= step_slot(io, index);
  return any;
}

bool ChannelStreams::step_slot(FrameIo& io, unsigned index) {
  Slot& slot = slots_[index];
  const Channel channel = host_.channel(index);
  if (channel.id != slot.id) {
    if (slot.stream != 0 && !io.send_close(slot.stream, microvisor_link_StreamError_STREAM_ERROR_CANCELLED))
      return false;
    slot = {};
    return channel.id != 0 && open(io, index, channel);
  }
  if (channel.id == 0) return false;
  if (slot.stream != 0 && (transfer(io, index) || grant(io, index))) return true;
  return channel.closing && finish(io, index);
}

bool ChannelStreams::open(FrameIo& io, unsigned index, const Channel& channel) {
  Slot& slot = slots_[index];
  slot.id = channel.id;
  slot.stream = io.new_stream();
  slot.granted = static_cast<std::uint32_t>(host_.channel_space(index));
  Frame& frame = io.begin(slot.stream, microvisor_link_Frame_open_tag);
  frame.kind.open.service = channel.service;
  frame.kind.open.credit = slot.granted;
  const std::size_t length = std::min(channel.endpoint.size(), sizeof frame.kind.open.name - 1);
  std::copy_n(channel.endpoint.begin(), length, frame.kind.open.name);
  return io.send();
}

bool ChannelStreams::transfer(FrameIo& io, unsigned index) {
  Slot& slot = slots_[index];
  const auto buffer = io.data_buffer().first(std::min<std::size_t>(slot.credit, kPiece));
  if (buffer.empty()) return false;
  const std::size_t count = host_.channel_read(index, buffer);
  if (count == 0 || !io.send_data(slot.stream, buffer.first(count))) return false;
  slot.credit -= static_cast<std::uint32_t>(count);
  return true;
}

/// Gives back what the application has read, when it is worth a frame.
bool ChannelStreams::grant(FrameIo& io, unsigned index) {
  Slot& slot = slots_[index];
  const auto space = static_cast<std::uint32_t>(host_.channel_space(index));
  if (space <= slot.granted || space - slot.granted < std::max<std::uint32_t>(space / 2, 1)) return false;
  const std::uint32_t more = space - slot.granted;
  slot.granted = space;
  return io.send_credit(slot.stream, more);
}

/// The application has closed the channel. What it wrote before still goes out, as far as there is somebody
/// to take it.
bool ChannelStreams::finish(FrameIo& io, unsigned index) {
  Slot& slot = slots_[index];
  if (slot.stream != 0) {
    if (slot.credit == 0) return false;  // perhaps bytes are waiting: transfer() goes on when credit comes
    if (!io.send_close(slot.stream, microvisor_link_StreamError_STREAM_ERROR_NONE)) return false;
  }
  slot = {};
  host_.channel_released(index);
  return true;
}

ChannelStreams::Slot* ChannelStreams::find(std::uint32_t stream) {
  if (stream == 0) return nullptr;
  for (Slot& slot : slots_) {
    if (slot.stream == stream) return &slot;
  }
  return nullptr;
}

bool ChannelStreams::received(std::uint32_t stream, std::span<const std::uint8_t> bytes, bool& violation) {
  Slot* const slot = find(stream);
  if (slot == nullptr) return false;
  if (bytes.size() > slot->granted) {
    violation = true;
    return true;
  }
  slot->granted -= static_cast<std::uint32_t>(bytes.size());
  host_.channel_received(index_of(slot), bytes);
  return true;
}

bool ChannelStreams::credited(std::uint32_t stream, std::uint32_t bytes) {
  Slot* const slot = find(stream);
  if (slot == nullptr) return false;
  slot->credit += bytes;
  return true;
}

bool ChannelStreams::closed(std::uint32_t stream, microvisor_link_StreamError error) {
  Slot* const slot = find(stream);
  if (slot == nullptr) return false;
  slot->stream = 0;
  host_.channel_ended(index_of(slot), end_of(error));
  return true;
}

}  // namespace microvisor::firmware::link
