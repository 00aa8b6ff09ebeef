// The order of a record's parts matters: an application that polls tests event_type, so that is written last.
#include "firmware/kernel/resident/notifications.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kMinimumSize = 32;
constexpr std::uint32_t kAlignment = 8;

}  // namespace

void Notifications::reset(std::uint32_t seed) {
  handles_.reset(seed);
  for (Centre& centre : centres_) centre.held = 0;
  lines_ = {};
}

abi::Status Notifications::check(const abi::NotificationSetup& setup, const MemoryClaims& claims) const {
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

abi::Status Notifications::setup(const abi::NotificationSetup& setup, MemoryClaims& claims,
                                 abi::NotificationHandle& handle) {
  const abi::Status status = check(setup, claims);
  if (status != abi::Status::OKAY) return status;
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
  centre.next = centre.held = 0;
  centre.any_delivered = false;
  handle = handles_.handle(*index);
  return abi::Status::OKAY;
}

abi::Status Notifications::close(abi::NotificationHandle handle, MemoryClaims& claims) {
  const auto index = handles_.find(handle);
  if (!index) return abi::Status::INVALIDHANDLE;
  const Centre& centre = centres_[*index];
  claims.remove(centre.buffer);
  lines_[centre.line / 32] &= ~(1u << (centre.line % 32));
  handles_.release(*index);
  centres_[*index].held = 0;
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

void Notifications::post(abi::NotificationHandle handle, abi::EventType type, std::uint32_t tag,
                         std::uint64_t now) {
  const auto index = handles_.find(handle);
  if (!index) return;
  Centre& centre = centres_[*index];
  const abi::Notification record{now, type, tag};
  if (centre.held == 0 && ready(centre, now)) {
    deliver(centre, record, now);
    return;
  }
  if (centre.held == kHeldBack) {  // better early than lost
    deliver(centre, centre.queue[0], now);
    for (unsigned i = 1; i < kHeldBack; ++i) centre.queue[i - 1] = centre.queue[i];
    --centre.held;
  }
  centre.queue[centre.held++] = record;
  record_held_back();
}

bool Notifications::pump(std::uint64_t now) {
  bool more = false;
  for (unsigned i = 0; i < kCentres; ++i) {
    Centre& centre = centres_[i];
    if (centre.held == 0) continue;
    if (ready(centre, now)) {
      deliver(centre, centre.queue[0], now);
      for (unsigned k = 1; k < centre.held; ++k) centre.queue[k - 1] = centre.queue[k];
      --centre.held;
    }
    more = more || centre.held != 0;
  }
  return more;
}

}  // namespace microvisor::firmware::kernel
