// A ring of packets in the application's memory, with a position of each side's in its head
// (abi/interface.toml, MvPacketRing).
//
// Our position is kept here, and shown in the head; the application's is read from there once each time it is
// needed, and judged. Whatever it says, nothing outside of the ring is touched. Used by system calls and,
// under Atomic, by the worker.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/application_memory.hpp"

namespace microvisor::firmware::kernel {

class PacketRing {
 public:
  enum class Side : std::uint8_t { PutsIn, TakesOut };

  /// `size` bytes at `buffer`, head included, are the application's and checked; it becomes empty.
  void attach(Address buffer, std::uint32_t size, Side side);
  [[nodiscard]] Address address() const { return buffer_; }

  /// Bytes of what a packet takes up.
  [[nodiscard]] static constexpr std::uint32_t taken_up(std::uint32_t length) {
    return kWord + (length + kWord - 1) / kWord * kWord;
  }
  /// Bytes that packets can take up: of a full ring one word is free, to tell it from an empty one.
  [[nodiscard]] static constexpr std::uint32_t capacity(std::uint32_t size) {
    return size - std::uint32_t{sizeof(abi::PacketRing)} - kWord;
  }
  [[nodiscard]] std::uint32_t capacity() const { return size_ - kWord; }
  /// Bytes that packets take up at present; nothing if the application's position is none.
  [[nodiscard]] std::optional<std::uint32_t> used() const;

  // `ahead` bytes behind our position.
  void read(std::uint32_t ahead, void* to, std::uint32_t size) const;
  void write(std::uint32_t ahead, const void* from, std::uint32_t size);
  void advance(std::uint32_t size);

 private:
  static constexpr std::uint32_t kWord = sizeof(std::uint32_t);
  struct Part {
    Address at;
    std::uint32_t size;  // of what lies before the ring's end
  };
  [[nodiscard]] Part part(std::uint32_t ahead, std::uint32_t size) const;
  [[nodiscard]] Address data() const { return buffer_ + std::uint32_t{sizeof(abi::PacketRing)}; }

  Address buffer_ = 0;
  std::uint32_t size_ = 0;  // without the head
  std::uint32_t ours_ = 0;
  Side side_ = Side::PutsIn;
};

}  // namespace microvisor::firmware::kernel
