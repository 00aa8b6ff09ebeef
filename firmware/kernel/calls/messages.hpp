// What the calls share that send and read messages of channels (channel_message.hpp).
//
// A request either is refused, and nothing is sent; or it is sent as a whole. A bad pointer that shows only
// behind the first part is a LATEFAULT, as the interface wants it, but even then nothing has been sent.
#pragma once

#include <algorithm>

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/channels.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

inline bool can_read(const abi::SizedString& text) { return application_can_read(text.data, text.length); }

/// The channel, if a request can be sent on it.
inline Status find_sender(abi::ChannelHandle handle, abi::ChannelType type, Channels::Slot*& slot) {
  slot = services().channels.find(handle, type);
  if (slot == nullptr) return Status::INVALIDHANDLE;
  return slot->state == Channels::State::Open ? Status::OKAY : Status::CHANNELCLOSED;
}

/// One step of sending a message whose parts `part_of(index, part)` describes.
template <typename PartOf>
Status send_message(Channels::Slot& slot, MessageKind kind, PartOf part_of) {
  const Status status = slot.writer.step(slot.send, kind, part_of);
  if (status == Status::OKAY) wake_link();
  return status;
}

/// The same for the one request of a channel's life. After a LATEFAULT the channel is of no use.
template <typename PartOf>
Status send_request(Channels::Slot& slot, MessageKind kind, PartOf part_of) {
  const Status status = send_message(slot, kind, part_of);
  if (status == Status::OKAY || status == Status::LATEFAULT) slot.requested = true;
  return status;
}

/// The channel, if there is a message. What arrived before the end can still be read.
inline Status find_reader(abi::ChannelHandle handle, abi::ChannelType type, Channels::Slot*& slot) {
  slot = services().channels.find(handle, type);
  if (slot == nullptr) return Status::INVALIDHANDLE;
  if (slot->reader.has_message()) return Status::OKAY;
  return slot->state == Channels::State::Ended ? Status::CHANNELCLOSED : Status::RESPONSENOTPRESENT;
}

/// One step of looking at the oldest message, which is to be of this kind.
inline Status look_at(Channels::Slot& slot, MessageKind kind) {
  if (slot.reader.kind(slot.receive) != kind) return Status::WRONGDATAREQUESTED;
  return slot.reader.look(slot.receive) ? Status::OKAY : kAgain;
}

/// One step of copying `size` bytes of a field, from `offset` on, to where the application wants them.
inline Status copy_field(Channels::Slot& slot, const MessageField& field, std::uint32_t offset, Address to,
                         std::uint32_t size) {
  const auto piece = slot.reader.pieces().next(caller, size);
  slot.receive.copy_out(to + piece.from, field.at + offset + piece.from, piece.size);
  return piece.last ? Status::OKAY : kAgain;
}

}  // namespace microvisor::firmware::kernel::calls
