#include "board/peripherals/mcp9808.hpp"

#include <algorithm>
#include <cmath>

namespace microvisor::board {
namespace {

enum Register : std::uint8_t {
  kConfiguration = 1,
  kUpper = 2,
  kCritical = 4,
  kAmbient = 5,
  kManufacturer = 6,
  kDevice = 7,
  kResolution = 8,
};
constexpr std::uint16_t kManufacturerId = 0x0054;
constexpr std::uint16_t kDeviceId = 0x0400;
constexpr std::uint16_t kLimitBits = 0x1FFC;

/// A limit register (sign at bit 12, quarter degrees) in sixteenths of a degree.
int limit_sixteenths(std::uint16_t word) {
  const int magnitude = word & 0x0FFC;
  return (word & 0x1000) != 0 ? magnitude - 0x1000 : magnitude;
}

}  // namespace

void Mcp9808::set_temperature(double celsius) {
  sixteenths_ = static_cast<int>(std::lround(std::clamp(celsius, -40.0, 125.0) * 16));
}

bool Mcp9808::start(bool read) {
  byte_ = 0;
  if (!read) written_ = 0;
  return true;
}

bool Mcp9808::write(std::uint8_t byte) {
  if (byte_++ == 0) {
    pointer_ = byte & 0xF;
    return pointer_ <= kResolution;
  }
  written_ = static_cast<std::uint16_t>((written_ << 8) | byte);
  if (pointer_ == kResolution) resolution_ = byte & 3;
  if (byte_ != 3) return true;
  if (pointer_ == kConfiguration) configuration_ = written_ & 0x07DF;
  if (pointer_ >= kUpper && pointer_ <= kCritical) limits_[pointer_ - kUpper] = written_ & kLimitBits;
  return true;
}

std::uint8_t Mcp9808::read() {
  if (pointer_ == kResolution) return resolution_;
  const std::uint16_t word = value(pointer_);
  return static_cast<std::uint8_t>((byte_++ & 1) == 0 ? word >> 8 : word);
}

std::uint16_t Mcp9808::value(std::uint8_t pointer) const {
  switch (pointer) {
    case kConfiguration: return configuration_;
    case kAmbient: return ambient();
    case kManufacturer: return kManufacturerId;
    case kDevice: return kDeviceId;
    default: return pointer >= kUpper && pointer <= kCritical ? limits_[pointer - kUpper] : 0;
  }
}

/// Bits 15 to 13 compare with the critical, upper and lower limit (DS25095 register 5-4).
std::uint16_t Mcp9808::ambient() const {
  const int step = 8 >> resolution_;  // 0.5, 0.25, 0.125, 0.0625 degrees
  const int shown = sixteenths_ >= 0 ? sixteenths_ / step * step : -((-sixteenths_ + step - 1) / step * step);
  auto word = static_cast<std::uint16_t>(shown & 0x1FFF);
  if (shown >= limit_sixteenths(limits_[2])) word |= 0x8000;
  if (shown > limit_sixteenths(limits_[0])) word |= 0x4000;
  if (shown < limit_sixteenths(limits_[1])) word |= 0x2000;
  return word;
}

}  // namespace microvisor::board
