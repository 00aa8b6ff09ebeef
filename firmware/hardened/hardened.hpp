// Decisions that one disturbed instruction must not turn from no into yes.
//
// The threat: whoever holds the device can disturb the core for a moment, by a glitch of the supply or the
// clock or by a pulse of a field at the package. What comes of it is well described by two effects: one
// instruction is not executed, or one conditional branch goes the other way. Where that happens can be chosen
// well enough by timing, and repeated at will. A check written the usual way, `if (!good) stop();`, falls to
// a single one of either: the branch, the call, or the compare before it.
//
// What is done about it, with one disturbance taken for granted and two that fit together taken for too hard:
// * A verdict is a 32-bit value far from its opposite and from everything that memory holds by itself (zero,
//   all ones, an address). Only exactly Valid is a yes. It is computed from what was compared, not chosen by
//   a branch (verdict_of).
// * A comparison has one number that must come out as zero, made of what differs *and* of how much has not
//   been looked at yet (equal, Remainder). A loop that is left early, or never entered, leaves something
//   over.
// * Verdicts of a chain of checks are added up (Checks). What is gated at the end is gated by the sum, and is
//   looked at twice, and once more by whoever acts on it. So a check that was jumped over is missed there.
// * What a disturbance could spoil on the way to a verdict (numbers from a parser, the ratchet) is worked out
//   twice by its caller.
// Volatile objects keep the compiler from proving that the second look is superfluous. tests/faults tries
// every instruction and every branch of the boot against this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::hardened {

/// The outcome of a check that decides what runs. Compare with `== Verdict::Valid` only.
enum class Verdict : std::uint32_t { Valid = 0x5AA5'C33Cu, Invalid = 0xA55A'3CC3u };

/// Valid if `difference` is zero; decided by it and computed from it. In memory, so that it is read each time
/// and the compiler puts no constant where it is zero anyway.
[[nodiscard]] Verdict verdict_of(const volatile std::uint32_t& difference);

/// Compares 32 bytes without an early way out. The length is no parameter: of length zero everything is
/// equal.
[[nodiscard]] Verdict equal(const std::array<std::uint8_t, 32>& a, const std::array<std::uint8_t, 32>& b);

/// Two numbers are the same.
[[nodiscard]] inline Verdict equal_numbers(std::uint32_t a, std::uint32_t b) {
  const volatile std::uint32_t difference = a ^ b;
  return verdict_of(difference);
}

/// Counts down a loop over bytes and collects bits that should not be there: both must end at zero.
class Remainder {
 public:
  static constexpr std::uint32_t kMaximum = 0xFF'FFFF;
  /// At most kMaximum bytes.
  explicit Remainder(std::uint32_t bytes) : left_(bytes) {}
  /// Bytes still to be looked at.
  [[nodiscard]] std::uint32_t bytes() const { return left_ & kMaximum; }
  /// `bytes` have been looked at, and `wrong` (8 bits) was found in them.
  void take(std::uint32_t bytes, std::uint8_t wrong) {
    left_ = (left_ - bytes) | static_cast<std::uint32_t>(wrong) << 24;
  }
  /// Valid if nothing is left and nothing was wrong.
  [[nodiscard]] Verdict verdict() const { return verdict_of(left_); }

 private:
  volatile std::uint32_t left_;  // bytes below, bits that are wrong above
};

/// The sum of the verdicts of a chain of checks.
class Checks {
 public:
  /// Adds the verdict; true if it is Valid. Inline, so that no call stands for the whole check.
  [[nodiscard, gnu::always_inline]] bool add(Verdict verdict) {
    const volatile Verdict seen = verdict;
    sum_ = sum_ + static_cast<std::uint32_t>(seen);
    return seen == Verdict::Valid;
  }
  [[nodiscard]] std::uint32_t sum() const { return sum_; }

  /// What `count` checks come to that are all Valid. No other verdicts of as many checks do: the distance of
  /// the two values is odd, so no number of Invalids below 2^32 adds up to nothing.
  static constexpr std::uint32_t sum_of_valid(std::uint32_t count) {
    return count * static_cast<std::uint32_t>(Verdict::Valid);
  }

 private:
  static_assert((static_cast<std::uint32_t>(Verdict::Valid) - static_cast<std::uint32_t>(Verdict::Invalid)) %
                    2 ==
                1);
  volatile std::uint32_t sum_ = 0;
};

}  // namespace microvisor::firmware::hardened
