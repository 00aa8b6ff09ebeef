// The end of a device's external flash as the production line may program it: bundles that the device takes
// from there instead of from the cloud (firmware/factory/line_objects.hpp has the format).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace microvisor::firmware::image {

/// A signed bundle: each object under its hash, the manifest among them.
struct LineBundle {
  struct Object {
    std::array<std::uint8_t, 32> hash{};
    std::vector<std::uint8_t> bytes;
  };
  std::array<std::uint8_t, 32> manifest{};
  std::vector<Object> objects;
};

/// Whole sectors, the last of which is the NOR's last. Either may be null. What both bundles have is there
/// once. Throws std::invalid_argument with one line if it is more than a device takes.
[[nodiscard]] std::vector<std::uint8_t> build_line_image(const LineBundle* test, const LineBundle* product);

}  // namespace microvisor::firmware::image
