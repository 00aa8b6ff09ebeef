#include "firmware/kernel/resident/channels.hpp"
#include "firmware/sections.hpp"

#include <algorithm>

namespace microvisor::firmware::kernel {

// --- opening and closing
// ----------------------------------------------------------------------------------------------

MV_FLASH_CODE void Channels::reset(std::uint32_t seed) {
  handles_.reset(seed);
  for (Slot& slot : slots_) {
    slot.state = State::Free;
    slot.id = 0;
    slot.forget_messages();
  }
  named_ = kChannels;
  rate_.reset();
  linger_used_ = 0;
  linger_pieces_.end();
}

Channels::Slot* Channels::find(abi::ChannelHandle handle) {
  const auto index = handles_.find(handle);
  return index ? &slots_[*index] : nullptr;
}

const Channels::Slot* Channels::find(abi::ChannelHandle handle) const {
  const auto index = handles_.find(handle);
  return index ? &slots_[*index] : nullptr;
}

MV_FLASH_CODE abi::Status Channels::check(const abi::OpenChannelParams& params, bool endpoint_fits,
                                          const MemoryClaims& claims) {
  const bool opaque = params.channel_type == abi::ChannelType::OPAQUEBYTES;
  if (params.channel_type > abi::ChannelType::CONFIGFETCH) return abi::Status::UNKNOWNCHANNELTYPE;
  if (!endpoint_fits) return abi::Status::UNKNOWNCHANNELENDPOINT;
  const std::uint32_t receive = params.receive_buffer_len, send = params.send_buffer_len;
  if (send < kGranule || send % kGranule != 0) return abi::Status::INVALIDBUFFERSIZE;
  if (opaque ? receive < kOpaqueMinimumReceive : (receive < kGranule || receive % kGranule != 0)) {
    return abi::Status::INVALIDBUFFERSIZE;
  }
  if (params.send_buffer % kGranule != 0) return abi::Status::INVALIDBUFFERALIGNMENT;
  if (!opaque && params.receive_buffer % kGranule != 0) return abi::Status::INVALIDBUFFERALIGNMENT;
  if (claims.overlaps(params.receive_buffer, receive) || claims.overlaps(params.send_buffer, send)) {
    return abi::Status::BUFFERALREADYINUSE;
  }
  const bool apart = params.receive_buffer + receive <= params.send_buffer ||
                     params.send_buffer + send <= params.receive_buffer;
  return apart ? abi::Status::OKAY : abi::Status::PARAMETERFAULT;
}

MV_FLASH_CODE void Channels::name_next(const EndpointName& endpoint) {
  for (named_ = 0; named_ < kChannels; ++named_) {
    if (slots_[named_].state != State::Free) continue;
    slots_[named_].endpoint = endpoint;
    return;
  }
}

MV_FLASH_CODE abi::Status Channels::open(const abi::OpenChannelParams& params, MemoryClaims& claims,
                                         std::uint64_t now, abi::ChannelHandle& handle) {
  // A slot the link is still sending for is used only if there is no other.
  unsigned chosen = kChannels;
  for (unsigned i = 0; i < kChannels; ++i) {
    if (slots_[i].state == State::Free) {
      chosen = i;
      break;
    }
    if (slots_[i].state == State::Closing) chosen = i;
  }
  if (chosen == kChannels) return abi::Status::TOOMANYCHANNELS;
  if (slots_[chosen].state == State::Closing) {
    released(chosen);
    return kAgain;
  }
  if (named_ != chosen && named_ != kChannels) return kAgain;
  if (!rate_.take(now)) return abi::Status::RATELIMITED;
  if (!claims.add(params.receive_buffer, params.receive_buffer_len)) return abi::Status::UNAVAILABLE;
  if (!claims.add(params.send_buffer, params.send_buffer_len)) {
    claims.remove(params.receive_buffer);
    return abi::Status::UNAVAILABLE;
  }
  handles_.allocate_at(chosen);
  Slot& slot = slots_[chosen];
  slot.state = State::Open;
  slot.type = params.channel_type;
  slot.id = handle = handles_.handle(chosen);
  slot.centre = params.notification_handle;
  slot.tag = params.notification_tag;
  slot.receive.attach(params.receive_buffer, params.receive_buffer_len);
  slot.send.attach(params.send_buffer, params.send_buffer_len);
  slot.wants_room = false;
  slot.reason = abi::ClosureReason::NONE;
  slot.pieces.end();
  return abi::Status::OKAY;
}

/// Copies what has not been sent behind what lingers already, as much as there is room for. False: that was
/// not the last piece.
MV_FLASH_CODE bool Channels::save_rest(Slot& slot) {
  const std::uint32_t size = std::min(slot.send.used(), kLinger - linger_used_);
  const auto piece = linger_pieces_.next(caller, size);
  slot.send.peek(&linger_[linger_used_ + piece.from], piece.from, piece.size);
  if (!piece.last) return false;
  slot.linger_from = linger_used_;
  slot.linger_end = linger_used_ += size;
  return true;
}

/// The memory is free when the last one that used it is.
MV_FLASH_CODE void Channels::free_linger() {
  const bool used = std::any_of(slots_.begin(), slots_.end(),
                                [](const Slot& slot) { return slot.state == State::Closing; });
  if (used) return;
  linger_used_ = 0;
  linger_pieces_.end();
}

MV_FLASH_CODE abi::Status Channels::close(abi::ChannelHandle handle, MemoryClaims& claims) {
  Slot* slot = find(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  const bool ended = slot->state == State::Ended;
  if (!ended && !save_rest(*slot)) return kAgain;
  claims.remove(slot->receive.address());
  claims.remove(slot->send.address());
  slot->forget_messages();
  handles_.release(static_cast<unsigned>(slot - slots_.data()));
  slot->state = ended ? State::Free : State::Closing;
  if (ended) slot->id = 0;
  return abi::Status::OKAY;
}

abi::Status Channels::closure_reason(abi::ChannelHandle handle, abi::ClosureReason& reason) const {
  const Slot* slot = find(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  reason = slot->reason;
  return abi::Status::OKAY;
}

// --- data, application's side
// -----------------------------------------------------------------------------------------

/// False: that was not the last piece.
bool Channels::put_piece(Slot& slot, Address data, std::uint32_t total) {
  const auto piece = slot.pieces.next(caller, total);
  slot.send.copy_ahead(piece.from, data + piece.from, piece.size);
  if (piece.last) slot.send.commit(total);
  return piece.last;
}

abi::Status Channels::write_stream(abi::ChannelHandle handle, Address data, std::uint32_t length,
                                   std::uint32_t& written) {
  Slot* slot = find_stream(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  if (slot->state == State::Ended) return abi::Status::CHANNELCLOSED;
  if (!application_can_read(data, length)) return abi::Status::PARAMETERFAULT;
  const std::uint32_t room = slot->send.room();
  written = std::min({length, room, kStreamLimit});
  slot->wants_room = slot->wants_room || room < length;
  return put_piece(*slot, data, written) ? abi::Status::OKAY : kAgain;
}

abi::Status Channels::write_whole(abi::ChannelHandle handle, Address data, std::uint32_t length,
                                  std::uint32_t& available) {
  Slot* slot = find_stream(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  if (slot->state == State::Ended) return abi::Status::CHANNELCLOSED;
  if (!application_can_read(data, length)) return abi::Status::PARAMETERFAULT;
  if (length > slot->send.room()) {
    slot->wants_room = true;
    return abi::Status::INVALIDBUFFERSIZE;
  }
  if (!put_piece(*slot, data, length)) return kAgain;
  available = slot->send.room();
  return abi::Status::OKAY;
}

abi::Status Channels::room(abi::ChannelHandle handle, std::uint32_t& available) {
  const Slot* slot = find_stream(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  if (slot->state == State::Ended) return abi::Status::CHANNELCLOSED;
  available = slot->send.room();
  return abi::Status::OKAY;
}

abi::Status Channels::unread(abi::ChannelHandle handle, Address& data, std::uint32_t& length) {
  const Slot* slot = find_stream(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  // What arrived before the end can still be read.
  if (slot->state == State::Ended && slot->receive.used() == 0) return abi::Status::CHANNELCLOSED;
  data = slot->receive.unread();
  length = slot->receive.contiguous();
  return abi::Status::OKAY;
}

abi::Status Channels::consume(abi::ChannelHandle handle, std::uint32_t length) {
  Slot* slot = find_stream(handle);
  if (slot == nullptr) return abi::Status::INVALIDHANDLE;
  if (slot->state == State::Ended && slot->receive.used() == 0) return abi::Status::CHANNELCLOSED;
  slot->receive.skip(std::min(length, slot->receive.used()));
  return abi::Status::OKAY;
}

// --- data, link's side
// ------------------------------------------------------------------------------------------------

MV_FLASH_CODE std::uint32_t Channels::take_sent(unsigned index, std::span<std::uint8_t> into,
                                                Notifications& notifications, std::uint64_t now) {
  Slot& slot = slots_[index];
  const auto limit = static_cast<std::uint32_t>(into.size());
  if (slot.state == State::Closing) {
    const std::uint32_t count = std::min(limit, slot.linger_end - slot.linger_from);
    std::copy_n(linger_.begin() + slot.linger_from, count, into.begin());
    slot.linger_from += count;
    return count;
  }
  if (slot.state != State::Open) return 0;
  const std::uint32_t count = std::min(limit, slot.send.used());
  slot.send.get(into.data(), count);
  if (count != 0) linger_pieces_.end();  // a call that saves them begins anew
  if (count != 0 && slot.wants_room) {
    slot.wants_room = false;
    notifications.post(slot.centre, abi::EventType::CHANNELDATAWRITESPACE, slot.tag, now);
  }
  return count;
}

MV_FLASH_CODE std::uint32_t Channels::receive_room(unsigned index) const {
  return slots_[index].state == State::Open ? slots_[index].receive.room() : 0;
}

MV_FLASH_CODE void Channels::received(unsigned index, std::span<const std::uint8_t> bytes,
                                      Notifications& notifications, std::uint64_t now) {
  Slot& slot = slots_[index];
  if (slot.state != State::Open || bytes.empty()) return;
  const std::uint32_t count = std::min(static_cast<std::uint32_t>(bytes.size()), slot.receive.room());
  slot.receive.put(bytes.data(), count);
  if (slot.type == abi::ChannelType::OPAQUEBYTES)
    notifications.post(slot.centre, abi::EventType::CHANNELDATAREADABLE, slot.tag, now);
}

MV_FLASH_CODE void Channels::ended(unsigned index, abi::ClosureReason reason, Notifications& notifications,
                                   std::uint64_t now) {
  Slot& slot = slots_[index];
  if (slot.state == State::Closing) released(index);
  if (slot.state != State::Open) return;
  slot.state = State::Ended;
  slot.reason = reason;
  notifications.post(slot.centre, abi::EventType::CHANNELNOTCONNECTED, slot.tag, now);
}

MV_FLASH_CODE void Channels::released(unsigned index) {
  if (slots_[index].state != State::Closing) return;
  slots_[index].state = State::Free;
  slots_[index].id = 0;
  free_linger();
}

}  // namespace microvisor::firmware::kernel
