// What the application may read and change, bit by bit, of the registers that are Microvisor's
// (mvPeriphPeek32 and mvPeriphPoke32). One table; a register that is not in it cannot be reached at all.
#pragma once

#include <cstdint>
#include <span>

namespace microvisor::firmware::kernel {

struct RegisterRule {
  std::uint32_t address;   // non-secure alias, as the application names it
  std::uint32_t readable;  // bits it sees; the others read zero
  std::uint32_t writable;  // bits it can change; the others are silently left alone
};

/// The table, in ascending order of address.
[[nodiscard]] std::span<const RegisterRule> register_rules();

/// The rule for an address; null if there is none.
[[nodiscard]] const RegisterRule* find_register_rule(std::uint32_t address);

/// The value a register gets by a poke: (old & ~mask) ^ toggle in the writable bits, unchanged elsewhere.
[[nodiscard]] constexpr std::uint32_t poked(const RegisterRule& rule, std::uint32_t old, std::uint32_t mask,
                                            std::uint32_t toggle) {
  return (old & ~rule.writable) | (((old & ~mask) ^ toggle) & rule.writable);
}

}  // namespace microvisor::firmware::kernel
