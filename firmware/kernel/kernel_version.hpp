// The kernel's version, as the build states it; the signed manifest bears the same.
#pragma once

#include <cstdint>
#include <string_view>

namespace microvisor::firmware::kernel {

inline constexpr std::string_view kVersion = MICROVISOR_KERNEL_VERSION;
inline constexpr std::uint32_t kVersionNumber = MICROVISOR_KERNEL_VERSION_NUMBER;
inline constexpr std::uint32_t kSecurityRatchet = MICROVISOR_KERNEL_RATCHET;

}  // namespace microvisor::firmware::kernel
