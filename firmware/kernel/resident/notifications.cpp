// The order of a record's parts matters: an application that polls tests event_type, so that is written last.
#include "firmware/kernel/resident/notifications.hpp"

#include <bit>
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kMinimumSize = 32;
constexpr std::uint32_t kAlignment = 8;

}  // namespace

MV_FLASH_CODE void Notifications::reset(std::uint32_t seed) {
  handles_.reset(seed);
  for (Centre& centre : centres_) centre.held = 0;
  held_used_ = 0;
  lines_ = {};
}

MV_FLASH_CODE abi::Status Notifications::check(const abi::NotificationSetup& setup,
                                               const MemoryClaims& claims) const {
  constexpr std::uint32_t kRecord = sizeof(abi::Notification);
  if (setup.buffer_size < kMinimumSize || setup.buffer_size % kRecord != 0)
    return abi::Status::INVALIDBUFFERSIZE;
  if (!application_can_write(setup.buffer, setup.buffer_size)) return abi::Status::PARAMETERFAULT;
  if (setup.buffer % kAlignment != 0) return abi::Status::INVALIDBUFFERALIGNMENT;
  if (claims.overlaps(setup.buffer, setup.buffer_size)) return abi::Status::BUFFERALREADYINUSE;
  if (setup.irq >= 32 * kLineWords || !line_belongs_to_application(setup.irq))
    return abi::Status::INVALIDINTERRUPT;
  if (uses_line(setup.irq)) return abi::Status::INVALIDINTERRUPT;
  return abi::Status::OKAY;
}

bool Notifications::uses_line(std::uint32_t line) const {
  return line / 32 < kLineWords && (lines_[line / 32] >> (line % 32) & 1) != 0;
}

MV_FLASH_CODE abi::Status Notifications::add(const abi::NotificationSetup& setup, MemoryClaims& claims,
                                             abi::NotificationHandle& handle) {
  if (!line_belongs_to_application(setup.irq)) return abi::Status::INVALIDINTERRUPT;  // no more
  const auto index = handles_.allocate();
  if (!index) return abi::Status::TOOMANYNOTIFICATIONBUFFERS;
  if (!claims.add(setup.buffer, setup.buffer_size)) {
    handles_.release(*index);
    return abi::Status::TOOMANYNOTIFICATIONBUFFERS;
  }
  Centre& centre = centres_[*index];
  centre.line = setup.irq;
  lines_[setup.irq / 32] |= 1u << (setup.irq % 32);
  centre.buffer = setup.buffer;
  centre.slots = setup.buffer_size / sizeof(abi::Notification);
  centre.next = 0;
  centre.held = 0;
  centre.any_delivered = false;
  handle = handles_.handle(*index);
  return abi::Status::OKAY;
}

MV_FLASH_CODE abi::Status Notifications::close(abi::NotificationHandle handle, MemoryClaims& claims) {
  const auto index = handles_.find(handle);
  if (!index) return abi::Status::INVALIDHANDLE;
  Centre& centre = centres_[*index];
  claims.remove(centre.buffer);
  lines_[centre.line / 32] &= ~(1u << (centre.line % 32));
  handles_.release(*index);
  for (; centre.held != 0; --centre.held) {
    held_used_ &= ~(1u << centre.first);
    centre.first = static_cast<std::uint8_t>(held_[centre.first].next);
  }
  return abi::Status::OKAY;
}

bool Notifications::ready(const Centre& centre, std::uint64_t now) const {
  return !centre.any_delivered || !line_is_busy(centre.line) || now - centre.delivered >= kPatience;
}

void Notifications::deliver(Centre& centre, const abi::Notification& record, std::uint64_t now) {
  const Address to = centre.buffer + centre.next * static_cast<std::uint32_t>(sizeof record);
  copy_to_application(to + offsetof(abi::Notification, microseconds), &record.microseconds,
                      sizeof record.microseconds);
  copy_to_application(to + offsetof(abi::Notification, tag), &record.tag, sizeof record.tag);
  copy_to_application(to + offsetof(abi::Notification, event_type), &record.event_type,
                      sizeof record.event_type);
  centre.next = centre.next + 1 == centre.slots ? 0 : centre.next + 1;
  centre.delivered = now;
  centre.any_delivered = true;
  pend_application_line(centre.line);
}

/// There is room.
void Notifications::hold(Centre& centre, const abi::Notification& record) {
  const auto place = static_cast<std::uint8_t>(std::countr_one(held_used_));
  held_used_ |= 1u << place;
  held_[place].record = record;
  if (centre.held == 0) {
    centre.first = place;
  } else {
    held_[centre.last].next = place;
  }
  centre.last = place;
  ++centre.held;
}

void Notifications::deliver_oldest(Centre& centre, std::uint64_t now) {
  const Held& oldest = held_[centre.first];
  deliver(centre, oldest.record, now);
  held_used_ &= ~(1u << centre.first);
  centre.first = static_cast<std::uint8_t>(oldest.next);
  --centre.held;
}

void Notifications::post(abi::NotificationHandle handle, abi::EventType type, std::uint32_t tag,
                         std::uint64_t now) {
  const auto index = handles_.find(handle);
  if (!index) return;
  Centre& centre = centres_[*index];
  const abi::Notification record{now, type, tag};
  // Where there is no room to hold one back, better early than lost.
  if (centre.held == 0 && (ready(centre, now) || all_held_used())) {
    deliver(centre, record, now);
    return;
  }
  if (centre.held == kHeldBack || all_held_used()) deliver_oldest(centre, now);
  hold(centre, record);
  record_held_back();
}

bool Notifications::pump(std::uint64_t now) {
  if (held_used_ == 0) return false;
  bool more = false;
  for (unsigned i = 0; i < kCentres; ++i) {
    Centre& centre = centres_[i];
    if (centre.held == 0) continue;
    if (ready(centre, now)) deliver_oldest(centre, now);
    more = more || centre.held != 0;
  }
  return more;
}

}  // namespace microvisor::firmware::kernel
