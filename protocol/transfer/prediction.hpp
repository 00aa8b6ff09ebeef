// What a byte of the base becomes when code has moved: branches and addresses are corrected by a map of
// shifts.
//
// When a function grows, all behind it moves, and with it the operand of every BL, B.W and literal-pool word
// that names what has moved. Encoder and decoder correct these in the same way, so that they cost no bytes.
// Used by both; no heap, constant work a byte.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "protocol/transfer/format.hpp"

namespace microvisor::protocol::transfer {

/// By how much addresses have changed: each entry holds from its start to the next one's. Below the first: 0.
class AddressMap {
 public:
  struct Entry {
    std::uint32_t start = 0;
    std::uint32_t shift = 0;  ///< modulo 2^32
  };

  /// False if it is full or `entry` does not lie behind the last one.
  [[nodiscard]] bool append(Entry entry);
  [[nodiscard]] std::uint32_t moved(std::uint32_t address) const;
  [[nodiscard]] std::span<const Entry> entries() const { return {entries_.data(), count_}; }

 private:
  std::array<Entry, kMaximumMapEntries> entries_{};
  std::uint32_t count_ = 0;
};

/// Reads the base from a position on, corrected for the place in the object where it goes.
class Predictor {
 public:
  /// `map` has to outlive it. An empty map predicts the base as it is.
  Predictor(std::span<const std::uint8_t> base, const AddressMap& map) : base_(base), map_(map) {}

  void set_base_address(std::uint32_t address) { base_address_ = address; }
  /// The next byte is that of `base_offset` and goes to `object_offset`.
  void start(std::uint32_t base_offset, std::uint32_t object_offset);
  /// Bytes that are left of the base.
  [[nodiscard]] std::uint32_t left() const { return static_cast<std::uint32_t>(base_.size()) - position_; }
  /// Only if left() is not 0.
  [[nodiscard]] std::uint8_t next();

 private:
  void predict();
  [[nodiscard]] std::uint32_t half(std::uint32_t offset) const;
  void store(std::uint32_t low, std::uint32_t high);

  std::span<const std::uint8_t> base_;
  const AddressMap& map_;
  std::uint32_t base_address_ = 0;
  std::uint32_t position_ = 0;         // in the base
  std::uint32_t object_position_ = 0;  // of the same byte
  std::array<std::uint8_t, 4> predicted_{};
  std::uint32_t ready_ = 0;  // bytes of predicted_ not yet read
  std::uint32_t size_ = 0;   // bytes in predicted_
};

}  // namespace microvisor::protocol::transfer
