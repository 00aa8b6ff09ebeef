#include "board/peripherals/crc.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t { kDr = 0x00, kIdr = 0x04, kCr = 0x08, kInit = 0x10, kPol = 0x14 };

/// The lowest `width` bits of `value` in reverse order.
std::uint32_t reversed(std::uint32_t value, unsigned width) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < width; ++i) {
    if (test(value, i)) result |= bit(width - 1 - i);
  }
  return result;
}

/// REV_IN: reversal inside bytes, half-words or the word, never beyond the width of the access.
std::uint32_t input_order(std::uint32_t value, unsigned width, std::uint32_t mode) {
  constexpr unsigned kUnits[4] = {0, 8, 16, 32};
  const unsigned unit = kUnits[mode] < width ? kUnits[mode] : width;
  if (mode == 0) return value;
  std::uint32_t result = 0;
  for (unsigned at = 0; at < width; at += unit) result |= reversed(value >> at, unit) << at;
  return result;
}

}  // namespace

void Crc::reset(Reset) { *this = Crc{}; }

unsigned Crc::order() const {
  constexpr unsigned kOrders[4] = {32, 16, 8, 7};
  return kOrders[bits(control_, 4, 3)];
}

std::uint32_t Crc::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kDr: return test(control_, 7) ? reversed(data_, order()) : data_;
    case kIdr: return independent_;
    case kCr: return control_;
    case kInit: return initial_;
    case kPol: return polynomial_;
    default: return 0;
  }
}

std::uint32_t Crc::load(std::uint32_t offset, std::uint32_t, const Access&) { return peek(offset); }

void Crc::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  switch (offset) {
    case kDr: {
      // A narrow access may use any lane; what counts is the value on it.
      unsigned shift = 0;
      while (((lanes >> shift) & 0xFF) == 0) shift += 8;
      feed(value >> shift, 8 * width_of(lanes));
      break;
    }
    case kIdr: assign(independent_, value, lanes); break;
    case kCr:
      assign(control_, value, lanes & 0xF8);
      if (test(value, 0)) data_ = order() == 32 ? initial_ : initial_ & (bit(order()) - 1);
      break;
    case kInit: assign(initial_, value, lanes); break;
    case kPol: assign(polynomial_, value, lanes); break;
    default: break;
  }
}

void Crc::feed(std::uint32_t value, unsigned width) {
  const std::uint32_t message = input_order(value, width, bits(control_, 6, 5));
  const unsigned top = order() - 1;
  for (unsigned i = width; i-- > 0;) {
    const bool feedback = test(data_, top) != test(message, i);
    data_ = (data_ << 1) ^ (feedback ? polynomial_ : 0);
    if (top < 31) data_ &= bit(top + 1) - 1;
  }
}

}  // namespace microvisor::board
