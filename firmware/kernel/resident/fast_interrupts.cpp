#include "firmware/kernel/resident/fast_interrupts.hpp"

#include "firmware/kernel/resident/notifications.hpp"

namespace microvisor::firmware::kernel {

using abi::Status;

namespace {

constexpr std::uint32_t kFirstLineVector = 16;

/// The application's handler of a line, with its Thumb bit taken off; 0 if there is none that could be
/// called.
Address handler_in_table(std::uint32_t line) {
  Address vector = 0;
  const Address place = application_vector_table() + 4 * (kFirstLineVector + line);
  if (!take_from_application(place, vector) || (vector & 1) == 0) return 0;
  const Address handler = vector & ~1u;
  return application_can_read(handler, sizeof(std::uint16_t)) ? handler : 0;
}

}  // namespace

void FastInterrupts::reset() {
  entries_ = {};
  masked_ = false;
  stands_ = false;
  shut_down_ = false;
}

FastInterrupts::Entry* FastInterrupts::find(std::uint32_t line) {
  for (Entry& entry : entries_) {
    if (entry.handler != 0 && entry.line == line) return &entry;
  }
  return nullptr;
}

void FastInterrupts::apply(const Entry& entry) const {
  let_line_interrupt(entry.line, entry.enabled && !masked_ && !stands_ && !shut_down_);
}

Status FastInterrupts::set(std::uint32_t line, bool serves_notifications) {
  if (shut_down_) return Status::UNAVAILABLE;
  Entry* entry = find(line);
  if (entry == nullptr) {
    if (!line_belongs_to_application(line) || serves_notifications) return Status::INVALIDINTERRUPT;
    if (line_is_in_service(line)) return Status::UNAVAILABLE;
  }
  const Address handler = handler_in_table(line);
  if (handler == 0) return Status::INVALIDVECTOR;
  if (entry == nullptr) {
    for (Entry& candidate : entries_) {
      if (candidate.handler == 0) entry = &candidate;
    }
    if (entry == nullptr) return Status::INVALIDINTERRUPT;
    *entry = Entry{};
    entry->priority = take_line(line);
    entry->line = static_cast<std::uint8_t>(line);
  }
  entry->handler = handler;
  return Status::OKAY;
}

Status FastInterrupts::clear(std::uint32_t line) {
  if (shut_down_) return Status::UNAVAILABLE;
  Entry* entry = find(line);
  if (entry == nullptr) return Status::INVALIDINTERRUPT;
  give_line_back(line, entry->priority);
  *entry = Entry{};
  return Status::OKAY;
}

Status FastInterrupts::enable(std::uint32_t line, bool enabled) {
  if (shut_down_) return Status::UNAVAILABLE;
  Entry* entry = find(line);
  if (entry == nullptr) return Status::INVALIDINTERRUPT;
  entry->enabled = enabled;
  apply(*entry);
  return Status::OKAY;
}

void FastInterrupts::mask(bool masked) {
  masked_ = masked;
  apply_all();
}

void FastInterrupts::stand_still(bool stands) {
  stands_ = stands;
  apply_all();
}

void FastInterrupts::apply_all() const {
  for (const Entry& entry : entries_) {
    if (entry.handler != 0) apply(entry);
  }
}

void FastInterrupts::shut_down() {
  shut_down_ = true;
  for (const Entry& entry : entries_) {
    if (entry.handler != 0) let_line_interrupt(entry.line, false);
  }
}

}  // namespace microvisor::firmware::kernel
