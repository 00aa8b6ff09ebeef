// Word-wide registers behind byte, half-word and word accesses.
//
// Every block here is written in terms of whole words plus a mask of the lanes that take part in the
// transaction. A plain register stores the lanes, a write-1-to-clear register clears the lanes, and a
// TrustZone-aware register takes the bits that the master may not touch out of the mask. No block ever reads
// back its own register to merge a byte: that would turn a byte write to a flag register into a write of
// flags nobody named.
#pragma once

#include <cstdint>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

/// Bits [high:low] of `word`.
constexpr std::uint32_t bits(std::uint32_t word, unsigned high, unsigned low) {
  return (word >> low) & static_cast<std::uint32_t>((std::uint64_t{1} << (high - low + 1)) - 1);
}
constexpr std::uint32_t bit(unsigned number) { return std::uint32_t{1} << number; }
constexpr bool test(std::uint32_t word, unsigned number) { return ((word >> number) & 1) != 0; }
/// Mask of bits high..low.
constexpr std::uint32_t field(unsigned high, unsigned low) {
  return static_cast<std::uint32_t>((std::uint64_t{1} << (high - low + 1)) - 1) << low;
}
/// Replaces the bits of `mask` in `target`.
constexpr void assign(std::uint32_t& target, std::uint32_t value, std::uint32_t mask) {
  target = (target & ~mask) | (value & mask);
}

class RegisterBlock : public Peripheral {
 public:
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override {
    const unsigned shift = (offset & 3) * 8;
    const std::uint32_t lanes = lane_mask(size) << shift;
    value = (load(offset & ~3U, lanes, access) & lanes) >> shift;
    return Outcome::Ok;
  }
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override {
    const unsigned shift = (offset & 3) * 8;
    const std::uint32_t lanes = lane_mask(size) << shift;
    store(offset & ~3U, (value << shift) & lanes, lanes, access);
    return Outcome::Ok;
  }

 protected:
  /// The word at `offset` (a multiple of 4) with all side effects of reading `lanes` of it.
  virtual std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) = 0;
  /// Stores the bits of `lanes`; `value` is zero outside them.
  virtual void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes,
                     const Access& access) = 0;

  /// Bytes that a lane mask covers: the width of the access, which means something to data registers.
  static constexpr unsigned width_of(std::uint32_t lanes) {
    unsigned bytes = 0;
    for (; lanes != 0; lanes >>= 8) bytes += (lanes & 0xFF) != 0 ? 1U : 0U;
    return bytes;
  }

 private:
  static constexpr std::uint32_t lane_mask(unsigned size) {
    return size >= 4 ? 0xFFFF'FFFFU : (std::uint32_t{1} << (size * 8)) - 1;
  }
};

/// A block that answers anything but a whole word with a bus error.
class WordRegisterBlock : public RegisterBlock {
 public:
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override {
    value = 0;
    return size == 4 ? RegisterBlock::read(offset, size, access, value) : Outcome::BusError;
  }
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override {
    return size == 4 ? RegisterBlock::write(offset, size, access, value) : Outcome::BusError;
  }
};

}  // namespace microvisor::board
