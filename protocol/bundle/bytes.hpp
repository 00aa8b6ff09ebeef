// Byte strings as the host tools pass them around, and their text forms (hex, base64).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::protocol {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;  ///< SHA-256

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The same 32 bytes; empty optional for any other length.
std::optional<Hash> as_hash(std::string_view bytes);

/// Lower-case hex.
std::string to_hex(ByteView bytes);
/// Either case; empty optional for anything that is not pairs of hex digits.
std::optional<Bytes> from_hex(std::string_view text);
/// Standard alphabet with padding (RFC 4648, section 4).
std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace microvisor::protocol
