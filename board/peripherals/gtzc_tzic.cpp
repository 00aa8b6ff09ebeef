#include "board/peripherals/gtzc_tzic.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

// Flags that exist, per instance and register (RM0456 5.8.1 to 5.8.4, 5.9.1, 5.9.2).
constexpr std::uint32_t kFlags[2][4] = {{0x000F'FFFF, 0x0000'01FF, 0x007F'FFFF, 0x3F0F'C01F},
                                        {0x0000'1BFF, 0x0300'C07F, 0, 0}};
// The event "access to TZIC": register 4 bit 15 of instance 1, register 2 bit 15 of instance 2.
constexpr unsigned kOwnFlag = 15;

}  // namespace

Tzic::Tzic(unsigned instance, std::function<void()> update_line)
    : instance_(instance), update_line_(std::move(update_line)) {}

bool Tzic::admitted(const Access& access) {
  if (!access.secure) latch(instance_ == 1 ? 4 : 2, kOwnFlag);
  return access.secure && access.privileged;
}

Outcome Tzic::read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  value = admitted(access) ? read_lane(peek(offset), offset, size) : 0;
  return Outcome::Ok;
}

Outcome Tzic::write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  if (!admitted(access)) return Outcome::Ok;
  const unsigned index = (offset & 0xF) / 4;
  switch (offset & ~0xFU) {
    case 0x00:
      enable_[index] = write_lane(enable_[index], offset, size, value) & kFlags[instance_ - 1][index];
      break;
    case 0x20: status_[index] &= ~write_lane(0, offset, size, value); break;
    default: break;
  }
  update_line_();
  return Outcome::Ok;
}

std::uint32_t Tzic::peek(std::uint32_t offset) const {
  const unsigned index = (offset & 0xF) / 4;
  switch (offset & ~0xFU) {
    case 0x00: return enable_[index];
    case 0x10: return status_[index];
    default: return 0;  // FCRx are write-only
  }
}

void Tzic::latch(unsigned reg, unsigned bit) {
  status_[reg - 1] |= (1U << bit) & kFlags[instance_ - 1][reg - 1];
  update_line_();
}

bool Tzic::pending() const {
  for (unsigned index = 0; index < enable_.size(); ++index) {
    if ((enable_[index] & status_[index]) != 0) return true;
  }
  return false;
}

void Tzic::reset(Reset) {
  enable_ = {};
  status_ = {};
  update_line_();
}

void Tzic::serialise(Archive& archive) { archive(enable_, status_); }

}  // namespace microvisor::board
