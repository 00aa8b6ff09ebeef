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

/// The parts of a message that is one structure of the application's, of which all is taken for each:
/// `Parts::part_of(structure, index, part)`.
template <typename Parts, typename Structure>
auto parts_of(Address from) {
  return [from](std::uint32_t index, MessagePart& part) {
    Structure structure;
    if (take_from_application(from, structure)) return Parts::part_of(structure, index, part);
    return index == 0 ? Status::PARAMETERFAULT : Status::LATEFAULT;
  };
}

/// The one request of a channel's life. After a LATEFAULT the channel is of no use.
template <typename PartOf>
Status send_request(Channels::Slot& slot, MessageKind kind, PartOf part_of) {
  if (slot.requested) return Status::REQUESTALREADYSENT;
  const Status status = send_message(slot, kind, part_of);
  if (status == Status::OKAY || status == Status::LATEFAULT) slot.requested = true;
  return status;
}

/// An element of a list of the application's, which has been found readable before.
template <typename Element>
Status element(Address list, std::uint32_t index, Element& value) {
  return take_from_application(list + index * static_cast<std::uint32_t>(sizeof value), value)
             ? Status::OKAY
             : Status::LATEFAULT;
}
inline bool can_read_list(Address list, std::uint32_t count, std::uint32_t element_size) {
  return application_can_read(list, count * element_size);
}

/// The channel, if there is a message. What arrived before the end can still be read.
inline Status find_reader(abi::ChannelHandle handle, abi::ChannelType type, Channels::Slot*& slot) {
  slot = services().channels.find(handle, type);
  if (slot == nullptr) return Status::INVALIDHANDLE;
  if (slot->reader.has_message()) return Status::OKAY;
  return slot->state == Channels::State::Ended ? Status::CHANNELCLOSED : Status::RESPONSENOTPRESENT;
}

/// One step of looking at the oldest message, which is to be of this kind. OKAY: that has been done before.
/// `otherwise` is the answer if it is not.
inline Status look_at(Channels::Slot& slot, MessageKind kind, Status otherwise) {
  if (slot.reader.kind(slot.receive) != kind) return otherwise;
  return slot.reader.look(slot.receive) ? Status::OKAY : kAgain;
}

/// One step of copying `size` bytes of a field, from `offset` on, to where the application wants them.
inline Status copy_field(Channels::Slot& slot, const MessageField& field, std::uint32_t offset, Address to,
                         std::uint32_t size) {
  const auto piece = slot.reader.pieces().next(caller, size);
  slot.receive.copy_out(to + piece.from, field.at + offset + piece.from, piece.size);
  return piece.last ? Status::OKAY : kAgain;
}

// Reading that tells several things is done by steps: the first one checks all pointers, the others write,
// each what it has checked itself. What was found good in the first one and is not any more is a late fault.

/// One function for all of them: it is not short.
[[gnu::noinline]] inline std::uint32_t number_of_step(CallProgress& progress) { return progress.step(); }

/// The next step of `Reading`, a class with `static Status step(slot, to, number)`, which is given the
/// application's structure.
template <typename Reading, typename Structure>
Status next_step(Channels::Slot& slot, Address where) {
  CallProgress& progress = slot.reader.progress();
  const std::uint32_t number = number_of_step(progress);
  Structure to;
  Status status = number == 0 ? Status::PARAMETERFAULT : Status::LATEFAULT;
  if (take_from_application(where, to)) status = Reading::step(slot, to, number);
  if (status != kAgain) progress.end();
  return status;
}

/// Bytes that one step copies, beside what else it has to do.
inline constexpr std::uint32_t kPieceOfField = 128;

/// Steps that a field takes.
inline std::uint32_t pieces_of(const MessageField& field) {
  return (field.value + kPieceOfField - 1) / kPieceOfField;
}

/// Copies one of them.
inline Status give_piece(Channels::Slot& slot, const MessageField& field, std::uint32_t piece, Address to) {
  const std::uint32_t offset = piece * kPieceOfField;
  const std::uint32_t size = std::min(field.value - offset, kPieceOfField);
  if (!application_can_write(to + offset, size)) return Status::LATEFAULT;
  slot.receive.copy_out(to + offset, field.at + offset, size);
  return kAgain;
}

}  // namespace microvisor::firmware::kernel::calls
