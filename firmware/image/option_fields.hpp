// The option bytes field by field, by the names that STM32CubeProgrammer has for them, and what each is for.
#pragma once

#include <cstdint>
#include <vector>

#include "firmware/image/image.hpp"

namespace microvisor::firmware::image {

struct OptionField {
  const char* name;
  std::uint32_t value;
  const char* reason;  // with the section of RM0456
};

/// The fields that a Microvisor device depends on, RDP last: the order in which they may be set one by one.
[[nodiscard]] std::vector<OptionField> option_fields(const OptionBytes& options);

struct OptionRegister {
  const char* name;
  std::uint32_t OptionBytes::*value;
};
/// All registers of OptionBytes by their names in RM0456.
[[nodiscard]] const std::vector<OptionRegister>& option_registers();

}  // namespace microvisor::firmware::image
