// See thumb.hpp.
#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {

// imm32 = SignExtend(S:I1:I2:imm10:imm11:0), I1 = NOT(J1 EOR S), I2 = NOT(J2 EOR S).
std::uint32_t ThumbBranch::distance(std::uint32_t first, std::uint32_t second) {
  const std::uint32_t sign = first >> 10 & 1U;
  const std::uint32_t i1 = ~(second >> 13 ^ sign) & 1U;
  const std::uint32_t i2 = ~(second >> 11 ^ sign) & 1U;
  return (0U - sign) << 24 | i1 << 23 | i2 << 22 | (first & 0x3FFU) << 12 | (second & 0x7FFU) << 1;
}

bool ThumbBranch::set_distance(std::uint32_t& first, std::uint32_t& second, std::uint32_t distance) {
  const std::uint32_t sign = distance >> 31;
  if ((distance & 1U) != 0 || (distance >> 24 != (sign != 0 ? 0xFFU : 0U))) return false;
  const std::uint32_t j1 = ~(distance >> 23 ^ sign) & 1U;
  const std::uint32_t j2 = ~(distance >> 22 ^ sign) & 1U;
  first = (first & 0xF800U) | sign << 10 | (distance >> 12 & 0x3FFU);
  second = (second & 0xD000U) | j1 << 13 | j2 << 11 | (distance >> 1 & 0x7FFU);
  return true;
}

std::uint32_t convert_call(std::span<std::uint8_t, 4> window, std::uint32_t offset, bool absolute) {
  std::uint32_t first = window[0] | static_cast<std::uint32_t>(window[1]) << 8;
  std::uint32_t second = window[2] | static_cast<std::uint32_t>(window[3]) << 8;
  if (!ThumbBranch::is_wide(first)) return 2;
  if (!ThumbBranch::is_call(first, second)) return 4;
  const std::uint32_t from = offset + 4;
  const std::uint32_t value = ThumbBranch::distance(first, second) + (absolute ? from : 0U - from);
  const std::uint32_t wrapped = (value & 0x00FF'FFFFU) | (0U - (value >> 24 & 1U)) << 24;
  if (!ThumbBranch::set_distance(first, second, wrapped)) return 4;
  window[0] = static_cast<std::uint8_t>(first);
  window[1] = static_cast<std::uint8_t>(first >> 8);
  window[2] = static_cast<std::uint8_t>(second);
  window[3] = static_cast<std::uint8_t>(second >> 8);
  return 4;
}

}  // namespace microvisor::protocol::transfer
