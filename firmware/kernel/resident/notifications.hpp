// Notification centres: rings of records in the application's memory, each with an interrupt line.
//
// Records are written in order from slot 0, wrapping, whatever the application has done with the old ones;
// each is complete before the line is pended. Because most handlers take one record an interrupt, records are
// spaced: the next one is held back while the line is pending or its handler runs, for at most kPatience (an
// application may poll instead). Records held back lie in one pool, of which each centre has a part at most.
// Used by system calls and, under Atomic, by the worker.
#pragma once

#include <array>
#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/caller.hpp"
#include "firmware/kernel/resident/handles.hpp"
#include "firmware/kernel/resident/memory_claims.hpp"

namespace microvisor::firmware::kernel {

// What the centres ask of the interrupt controller; the device's answers come from the NVIC.
[[nodiscard]] bool line_belongs_to_application(std::uint32_t line);
/// Pending, or its handler has not returned.
[[nodiscard]] bool line_is_busy(std::uint32_t line);
void pend_application_line(std::uint32_t line);
/// A record is being held back: pump() has to be called soon (Notifications::kRetry).
void record_held_back();

/// A centre that is being set up: looked at in one trap, added in another.
struct CentreSetup {
  Caller by;  // its stack pointer is 0 if there is none
  abi::NotificationSetup setup{};
  std::uint32_t claims_changes = 0;
};

class Notifications {
 public:
  static constexpr unsigned kCentres = 32;
  static constexpr unsigned kLineWords = 4;           // room for 128 interrupt lines
  static constexpr unsigned kHeldBack = 6;            // records a centre; beyond that they are not spaced
  static constexpr unsigned kHeldBackByAll = 32;      // the same of all centres together
  static constexpr std::uint64_t kPatience = 20'000;  // microseconds
  static constexpr std::uint64_t kRetry = 200;        // microseconds between looks at a busy line

  void reset(std::uint32_t seed);

  [[nodiscard]] abi::Status check(const abi::NotificationSetup& setup, const MemoryClaims& claims) const;
  /// What has been checked, with the claims as they are.
  [[nodiscard]] abi::Status add(const abi::NotificationSetup& setup, MemoryClaims& claims,
                                abi::NotificationHandle& handle);
  [[nodiscard]] abi::Status close(abi::NotificationHandle handle, MemoryClaims& claims);
  [[nodiscard]] bool valid(abi::NotificationHandle handle) const { return handles_.find(handle).has_value(); }
  /// A centre delivers by this line.
  [[nodiscard]] bool uses_line(std::uint32_t line) const;

  /// Writes a record, or holds it back. An unknown handle is silently ignored: its centre was closed.
  void post(abi::NotificationHandle handle, abi::EventType type, std::uint32_t tag, std::uint64_t now);
  /// Delivers what can be delivered. True: records are still held back, call again after kRetry.
  bool pump(std::uint64_t now);

 private:
  struct Centre {
    std::uint32_t line = 0;
    Address buffer = 0;
    std::uint32_t slots = 0;
    std::uint32_t next = 0;
    std::uint64_t delivered = 0;
    bool any_delivered = false;
    std::uint8_t held = 0;  // records held back: a chain in held_, from first to last
    std::uint8_t first = 0;
    std::uint8_t last = 0;
  };
  struct Held {
    abi::Notification record;
    std::uint32_t next;
  };
  [[nodiscard]] bool ready(const Centre& centre, std::uint64_t now) const;
  void deliver(Centre& centre, const abi::Notification& record, std::uint64_t now);
  [[nodiscard]] bool all_held_used() const { return ~held_used_ == 0; }
  void hold(Centre& centre, const abi::Notification& record);
  void deliver_oldest(Centre& centre, std::uint64_t now);

  HandleTable<HandleKind::Notification, kCentres> handles_;
  std::array<Centre, kCentres> centres_{};
  static_assert(kHeldBackByAll == 32);
  std::array<Held, kHeldBackByAll> held_{};
  std::uint32_t held_used_ = 0;                    // bit n: held_[n] holds something
  std::array<std::uint32_t, kLineWords> lines_{};  // bit n: a centre uses line n
};

}  // namespace microvisor::firmware::kernel
