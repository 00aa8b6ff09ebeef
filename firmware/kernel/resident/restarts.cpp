#include "firmware/kernel/resident/restarts.hpp"

namespace microvisor::firmware::kernel {

Restarts::Entry* Restarts::find_or_begin(abi::Gate gate, const Caller& by) {
  for (std::uint32_t left = used_; left != 0; left &= left - 1) {
    Entry& entry = entries_[static_cast<unsigned>(std::countr_zero(left))];
    if (entry.by.same_call(by) && entry.gate == gate) return &entry;
  }
  if (used_ == kAllUsed) return nullptr;
  const auto free = static_cast<unsigned>(std::countr_one(used_));
  used_ |= 1u << free;
  Entry& entry = entries_[free];
  entry.by = by;
  entry.gate = gate;
  entry.place = static_cast<std::uint8_t>(free);
  entry.progress = entry.object = 0;
  last_id_ = last_id_ + 1 == 0 ? 1 : last_id_ + 1;
  entry.id = last_id_;
  return &entry;
}

}  // namespace microvisor::firmware::kernel
