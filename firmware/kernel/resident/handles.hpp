// Handles: the numbers by which the application names the kernel's objects.
//
// A handle carries the kind of object, a generation and the place in the table. The generation changes with
// each use of a place, so a handle that was closed, or that belongs to an object of another kind, is found
// out. Zero is never valid.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

namespace microvisor::firmware::kernel {

enum class HandleKind : std::uint32_t {
  Notification = 1,
  Network = 2,
  Channel = 3,
  SystemEvent = 4,
  ExternalFlash = 5,
  NetworkInterface = 6
};

template <HandleKind kKind, unsigned kCount>
class HandleTable {
 public:
  static constexpr unsigned kSize = kCount;
  static_assert(kCount <= 32);

  /// Makes handles hard to guess and different after each start. Ends all of them.
  void reset(std::uint32_t seed) {
    handles_ = {};
    taken_ = in_use_ = 0;
    generation_ = seed & kGenerationMask;
  }
  /// A free place, now taken; nothing if all are taken.
  [[nodiscard]] std::optional<unsigned> allocate() {
    const auto index = static_cast<unsigned>(std::countr_one(taken_));
    if (index >= kCount) return std::nullopt;
    allocate_at(index);
    return index;
  }
  /// Takes a place the caller has chosen; a handle it had before ends.
  void allocate_at(unsigned index) {
    generation_ = (generation_ + kGenerationStep) & kGenerationMask;
    if (!taken(index)) ++in_use_;
    taken_ |= 1u << index;
    handles_[index] = (static_cast<std::uint32_t>(kKind) << 28) | (generation_ << 6) | index;
  }
  void release(unsigned index) {
    if (taken(index)) --in_use_;
    taken_ &= ~(1u << index);
    handles_[index] = 0;
  }
  [[nodiscard]] std::uint32_t handle(unsigned index) const { return handles_[index]; }
  [[nodiscard]] bool taken(unsigned index) const { return handles_[index] != 0; }
  [[nodiscard]] std::optional<unsigned> find(std::uint32_t handle) const {
    const unsigned index = handle & 63;
    if (handle == 0 || index >= kCount || handles_[index] != handle) return std::nullopt;
    return index;
  }
  [[nodiscard]] unsigned in_use() const { return in_use_; }

 private:
  static constexpr std::uint32_t kGenerationMask = 0x3F'FFFF;
  static constexpr std::uint32_t kGenerationStep =
      0x1E'3779;  // odd: every generation comes once in 4 million
  std::array<std::uint32_t, kCount> handles_{};
  std::uint32_t generation_ = 0;
  std::uint32_t taken_ = 0;  // bit n: place n
  unsigned in_use_ = 0;
};

}  // namespace microvisor::firmware::kernel
