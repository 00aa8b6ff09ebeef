// What a production line puts into the external flash of its devices: the line's test application and the
// product.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/client.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// Files of signed bundles, or SIDs or unique names of uploaded apps; empty: none.
struct LineApplications {
  std::string test;
  std::string product;
};

/// The end of the external flash; empty if there are no applications. What devices with this identity would
/// refuse is refused here. Throws Failure.
std::vector<std::uint8_t> line_image(Client& client, const firmware::image::Identity& identity,
                                     const LineApplications& applications);

}  // namespace microvisor::cli
