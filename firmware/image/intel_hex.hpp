// Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A): what programmers of chips
// take.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::firmware::image {

/// Records of 16 bytes, those left out that hold nothing but 0xFF: they stand in a chip that has been erased.
[[nodiscard]] std::string to_intel_hex(std::uint32_t address, std::span<const std::uint8_t> bytes);

/// `size` bytes from `address` on, 0xFF where the text has nothing. Throws std::invalid_argument with one
/// line if it is no Intel HEX, has an end missing or bytes outside of that range.
[[nodiscard]] std::vector<std::uint8_t> from_intel_hex(std::string_view text, std::uint32_t address,
                                                       std::uint32_t size);

}  // namespace microvisor::firmware::image
