// Calls that take more than one trap: the handler returns with the PC still at the gate, and the caller makes
// the call again by itself. What has been done so far is found by what identifies the call: its stack
// pointer, LR and arguments.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace microvisor::firmware::kernel {

class Restarts {
 public:
  static constexpr unsigned kOpen = 32;

  struct Key {
    std::uint32_t slot, stack_pointer, lr, r0, r1, r2, r3;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key{};
    std::uint32_t progress = 0;  // the call's own measure; 0 when it begins
    std::uint32_t object = 0;    // the object it works on
    std::uint32_t id = 0;        // of this one call, never 0
  };

  /// The entry of this call, a new one if it begins. Null: too many are open.
  [[nodiscard]] Entry* find_or_begin(const Key& key) {
    for (std::uint32_t left = used_; left != 0; left &= left - 1) {
      Entry& entry = entries_[static_cast<unsigned>(std::countr_zero(left))];
      if (entry.key == key) return &entry;
    }
    if (used_ == kAllUsed) return nullptr;
    const auto free = static_cast<unsigned>(std::countr_one(used_));
    used_ |= 1u << free;
    entries_[free] = Entry{key, 0, 0, next_id()};
    return &entries_[free];
  }
  void end(const Entry& entry) { used_ &= ~(1u << static_cast<unsigned>(&entry - entries_.data())); }
  /// Forgets all calls that work on `object`.
  void abandon(std::uint32_t object) {
    for (std::uint32_t left = used_; left != 0; left &= left - 1) {
      const Entry& entry = entries_[static_cast<unsigned>(std::countr_zero(left))];
      if (entry.object == object) end(entry);
    }
  }
  void clear() { used_ = 0; }

 private:
  std::uint32_t next_id() {
    last_id_ = last_id_ + 1 == 0 ? 1 : last_id_ + 1;
    return last_id_;
  }

  static_assert(kOpen == 32);
  static constexpr std::uint32_t kAllUsed = ~0u;
  std::uint32_t used_ = 0;  // bit n: entry n
  std::array<Entry, kOpen> entries_{};
  std::uint32_t last_id_ = 0;
};

}  // namespace microvisor::firmware::kernel
