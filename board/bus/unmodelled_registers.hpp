// What is known of the registers of a block that nobody has modelled.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace microvisor::board {

struct UnmodelledRegister {
  std::uint32_t offset;
  std::string_view name;  ///< as in the manual, without the name of the block
  std::uint32_t reset = 0;
};

/// In the order of their offsets; empty for a block that has a model, and for memory.
[[nodiscard]] std::span<const UnmodelledRegister> unmodelled_registers(std::uint32_t base);

}  // namespace microvisor::board
