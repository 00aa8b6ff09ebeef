// Calls that wait for the worker: they are made again (kAgain) until it has done what they ask for. What has
// been done so far is found by what identifies the call.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "firmware/kernel/resident/caller.hpp"

namespace microvisor::firmware::kernel {

class Restarts {
 public:
  static constexpr unsigned kOpen = 32;

  struct Entry {
    Caller by{};
    abi::Gate gate{};
    std::uint8_t place = 0;      // in the table
    std::uint32_t progress = 0;  // the call's own measure; 0 when it begins
    std::uint32_t object = 0;    // the object it works on
    std::uint32_t id = 0;        // of this one call, never 0
  };

  /// The entry of this call; null if it has not begun.
  [[nodiscard]] Entry* find(abi::Gate gate, const Caller& by);
  /// Makes one for a call that begins, and works on `object`. False: too many are open.
  [[nodiscard]] bool begin(abi::Gate gate, const Caller& by, std::uint32_t object);
  void end(const Entry& entry) { used_ &= ~(1u << entry.place); }
  /// Forgets all calls that work on `object`.
  void abandon(std::uint32_t object) {
    for (std::uint32_t left = used_; left != 0; left &= left - 1) {
      const Entry& entry = entries_[static_cast<unsigned>(std::countr_zero(left))];
      if (entry.object == object) end(entry);
    }
  }
  void clear() { used_ = 0; }

 private:
  static_assert(kOpen == 32);
  static constexpr std::uint32_t kAllUsed = ~0u;
  std::uint32_t used_ = 0;  // bit n: entry n
  std::array<Entry, kOpen> entries_{};
  std::uint32_t last_id_ = 0;
};

}  // namespace microvisor::firmware::kernel
