// A ring of bytes between one producer and one consumer, of which one may interrupt the other.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::net {

/// `Size` is a power of two. put() belongs to one side, take() to the other; the sizes may be asked by both
/// and are never wrong in the unsafe direction.
template <std::size_t Size>
class ByteRing {
  static_assert(Size >= 2 && (Size & (Size - 1)) == 0);

 public:
  [[gnu::always_inline, nodiscard]] inline std::size_t used() const {
    return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire);
  }
  [[gnu::always_inline, nodiscard]] inline std::size_t room() const { return Size - used(); }
  [[nodiscard]] static constexpr std::size_t capacity() { return Size; }

  [[gnu::always_inline, nodiscard]] inline bool put(std::uint8_t byte) {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == Size) return false;
    bytes_[head % Size] = byte;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  [[gnu::always_inline, nodiscard]] inline bool take(std::uint8_t& byte) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (head_.load(std::memory_order_acquire) == tail) return false;
    byte = bytes_[tail % Size];
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// While neither side is at work.
  void clear() { tail_.store(head_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  std::size_t put(std::span<const std::uint8_t> bytes) {
    std::size_t count = 0;
    while (count < bytes.size() && put(bytes[count])) ++count;
    return count;
  }

  std::size_t take(std::span<std::uint8_t> into) {
    std::size_t count = 0;
    while (count < into.size() && take(into[count])) ++count;
    return count;
  }

 private:
  std::array<std::uint8_t, Size> bytes_{};
  std::atomic<std::uint32_t> head_{0};
  std::atomic<std::uint32_t> tail_{0};
};

}  // namespace microvisor::firmware::net
