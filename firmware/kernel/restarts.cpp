#include "firmware/kernel/restarts.hpp"

namespace microvisor::firmware::kernel {

Restarts::Entry* Restarts::find(abi::Gate gate, const Caller& by) {
  for (std::uint32_t left = used_; left != 0; left &= left - 1) {
    Entry& entry = entries_[static_cast<unsigned>(std::countr_zero(left))];
    if (entry.by.same_call(by) && entry.gate == gate) return &entry;
  }
  return nullptr;
}

bool Restarts::begin(abi::Gate gate, const Caller& by, std::uint32_t object) {
  if (used_ == kAllUsed) return false;
  const auto free = static_cast<unsigned>(std::countr_one(used_));
  used_ |= 1u << free;
  Entry& entry = entries_[free];
  entry.by = by;
  entry.gate = gate;
  entry.place = static_cast<std::uint8_t>(free);
  entry.progress = 0;
  entry.object = object;
  last_id_ = last_id_ + 1 == 0 ? 1 : last_id_ + 1;
  entry.id = last_id_;
  return true;
}

}  // namespace microvisor::firmware::kernel
