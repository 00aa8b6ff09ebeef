// Calls that take more than one trap: the handler returns with the PC still at the gate, and the caller makes
// the call again by itself. What has been done so far is found by what identifies the call: its stack
// pointer, LR and arguments.
#pragma once

#include <array>
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
    bool used = false;
    std::uint32_t progress = 0;  // the call's own measure; 0 when it begins
    std::uint32_t object = 0;    // the object it works on
    std::uint32_t id = 0;        // of this one call, never 0
  };

  /// The entry of this call, a new one if it begins. Null: too many are open.
  [[nodiscard]] Entry* find_or_begin(const Key& key) {
    Entry* free = nullptr;
    for (Entry& entry : entries_) {
      if (entry.used && entry.key == key) return &entry;
      if (!entry.used && free == nullptr) free = &entry;
    }
    if (free != nullptr) *free = Entry{key, true, 0, 0, next_id()};
    return free;
  }
  static void end(Entry& entry) { entry.used = false; }
  /// Forgets all calls that work on `object`.
  void abandon(std::uint32_t object) {
    for (Entry& entry : entries_) {
      if (entry.object == object) entry.used = false;
    }
  }
  void clear() {
    for (Entry& entry : entries_) entry.used = false;
  }

 private:
  std::uint32_t next_id() {
    last_id_ = last_id_ + 1 == 0 ? 1 : last_id_ + 1;
    return last_id_;
  }
  std::array<Entry, kOpen> entries_{};
  std::uint32_t last_id_ = 0;
};

}  // namespace microvisor::firmware::kernel
