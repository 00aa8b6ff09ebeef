// Fast interrupts: lines that pre-empt Microvisor itself.
//
// A line that is made fast is targeted to the Secure world at a priority above everything of the kernel's but
// faults; its handler there calls the application's own (exceptions.S). The application's view of the line in
// its NVIC reads zero and ignores writes meanwhile; these calls take its place. What such interrupts take of
// the processor is watched: one that does not return, and a flood of them, end the application.
//
// Changed by system calls only, which exclude each other. A fast interrupt may come between any two of their
// instructions; it reads the table and may shut it down, so every change is in order before the line is let
// through.
#pragma once

#include <array>
#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/application_memory.hpp"

namespace microvisor::firmware::kernel {

// What the interrupt controller does; the device's answers are in fast_interrupts_device.cpp.

/// Where the application's vector table lies (VTOR_NS).
[[nodiscard]] Address application_vector_table();
/// The application's handler of the line has begun and not returned.
[[nodiscard]] bool line_is_in_service(std::uint32_t line);
/// Disables the line and makes it Secure, at the priority of fast interrupts. Returns the application's
/// priority.
[[nodiscard]] std::uint8_t take_line(std::uint32_t line);
/// Disables the line and makes it the application's again.
void give_line_back(std::uint32_t line, std::uint8_t priority);
void let_line_interrupt(std::uint32_t line, bool let);

class FastInterrupts {
 public:
  static constexpr unsigned kMaximum = 8;

  /// The application's lines have been put back by whoever calls this.
  void reset();

  /// The line is to be fast. Its vector is read now; set again, it is read again. INVALIDINTERRUPT: not the
  /// application's, serves a notification centre, or kMaximum are fast. INVALIDVECTOR: table or handler are
  /// not in the application's memory. UNAVAILABLE: the line's handler has begun, or the application is
  /// ending.
  [[nodiscard]] abi::Status set(std::uint32_t line, bool serves_notifications);
  /// The line is the application's again: disabled, at its old priority. INVALIDINTERRUPT: it is not fast.
  [[nodiscard]] abi::Status clear(std::uint32_t line);
  /// Lets the line interrupt or not. INVALIDINTERRUPT: it is not fast.
  [[nodiscard]] abi::Status enable(std::uint32_t line, bool enabled);
  /// Holds all of them off, whatever their own state. A flag, not a count.
  void mask(bool masked);
  /// Likewise while the debugger has halted the application.
  void stand_still(bool stands);

  /// The application is being ended: none interrupts any more, and the calls are refused. Any context.
  void shut_down();

  /// The application's handler with the lowest bit zero; 0: the line is not fast, or shut down. Any context.
  [[nodiscard]] Address handler_of(std::uint32_t line) const {
    if (shut_down_) return 0;
    for (const Entry& entry : entries_) {
      if (entry.line == line) return entry.handler;
    }
    return 0;
  }

 private:
  /// All zero while free: the services' initial value then takes no flash.
  struct Entry {
    Address handler = 0;
    std::uint8_t line = 0;
    std::uint8_t priority = 0;  // the application's
    bool enabled = false;
  };
  [[nodiscard]] Entry* find(std::uint32_t line);
  void apply(const Entry& entry) const;
  void apply_all() const;

  std::array<Entry, kMaximum> entries_{};
  bool masked_ = false;
  bool stands_ = false;
  volatile bool shut_down_ = false;
};

/// What fast interrupts take of the processor, in windows of kWindow: the first ends with the first interrupt
/// behind it. Used by fast interrupts only, which exclude each other.
class FastInterruptLoad {
 public:
  static constexpr std::uint32_t kHang = 10'000;     // microseconds in one handler
  static constexpr std::uint32_t kWindow = 100'000;  // microseconds
  static constexpr std::uint32_t kLargestShare = 2;  // one part in so many

  explicit constexpr FastInterruptLoad(std::uint32_t cycles_a_microsecond)
      : limit_(kWindow / kLargestShare * cycles_a_microsecond) {}

  /// An interrupt has ended at `now` (microseconds, wraps) after `cycles`. True: they are a flood.
  [[nodiscard]] bool add(std::uint32_t now, std::uint32_t cycles) {
    if (now - begun_ >= kWindow) {
      begun_ = now;
      used_ = 0;
    }
    used_ += cycles;
    return used_ > limit_;
  }

 private:
  std::uint32_t limit_;
  std::uint32_t begun_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace microvisor::firmware::kernel
