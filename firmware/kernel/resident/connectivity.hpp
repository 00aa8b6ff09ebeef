// When the device is connected although the application does not ask for it: the bundle's connectivity
// policy.
//
// A contact is a connection on which everything has been said: events, log and reports delivered, the service
// asked for updates. Once a check-in time has passed since the last contact, the next one is due. When the
// last reason to be connected is gone, a connection that stands is kept for the grace time. Times in
// microseconds of clock_microseconds(); used by system calls and, under Atomic, by the worker.
#pragma once

#include <algorithm>
#include <cstdint>

namespace microvisor::firmware::kernel {

class Connectivity {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// Seconds, from the bundle; a check-in time of zero means: stay connected.
  void configure(std::uint32_t grace_seconds, std::uint32_t check_in_seconds) {
    grace_ = std::uint64_t{grace_seconds} * kSecond;
    check_in_ = std::uint64_t{check_in_seconds} * kSecond;
  }
  [[nodiscard]] std::uint32_t check_in_seconds() const {
    return static_cast<std::uint32_t>(check_in_ / kSecond);
  }

  /// Everything has been said on the connection that stands.
  void contact() { in_contact_ = ever_ = true; }
  void disconnected(std::uint64_t now) {
    if (in_contact_) last_ = now;
    in_contact_ = false;
  }
  /// Whether there was a contact since the kernel's start.
  [[nodiscard]] bool ever_in_contact() const { return ever_; }
  [[nodiscard]] bool check_in_due(std::uint64_t now) const {
    return check_in_ == 0 || (!in_contact_ && now - last_ >= check_in_);
  }

  /// Whether to be connected at `now`, given whether there are reasons and whether a connection stands.
  [[nodiscard]] bool wants(bool reasons, bool connected, std::uint64_t now) {
    if (!reasons && !released_) holds_until_ = now + grace_;
    released_ = !reasons;
    return reasons || (connected && now < holds_until_);
  }
  /// When the answers above change by themselves; kNever if they do not.
  [[nodiscard]] std::uint64_t next_change(std::uint64_t now) const {
    const std::uint64_t hold_ends = released_ && holds_until_ > now ? holds_until_ : kNever;
    const bool waits = check_in_ != 0 && !in_contact_ && last_ + check_in_ > now;
    return std::min(hold_ends, waits ? last_ + check_in_ : kNever);
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000;
  std::uint64_t grace_ = 0;
  std::uint64_t check_in_ = 0;
  std::uint64_t last_ = 0;         // end of the last contact
  std::uint64_t holds_until_ = 0;  // end of the grace time, if released_
  bool released_ = false;          // there was no reason when wants() was asked last
  bool in_contact_ = false;
  bool ever_ = false;
};

}  // namespace microvisor::firmware::kernel
