// How the image of a boot stage or kernel begins: its initial stack pointer and its entry.
#pragma once

#include <cstdint>

#include "firmware/layout.hpp"

namespace microvisor::firmware {

/// Whether `stack` and `entry` can be the first two words of an image in [begin, end): stack in our RAM,
/// entry inside, Thumb.
[[nodiscard]] constexpr bool is_image_entry(std::uint32_t stack, std::uint32_t entry, std::uint32_t begin,
                                            std::uint32_t end) {
  return stack % 8 == 0 && stack > kMicrovisorRam && stack <= kMicrovisorRam + kMicrovisorRamSize &&
         (entry & 1u) != 0 && entry > begin && entry < end;
}

}  // namespace microvisor::firmware
