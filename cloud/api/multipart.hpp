// multipart/form-data (RFC 7578), for the upload of bundles.
//
// Parts are views into the body: a bundle of 64 MiB is not copied.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::cloud::api {

struct Part {
  std::string name;
  std::string_view content;
};

/// The boundary parameter of a multipart/form-data content type; empty if it is something else.
std::optional<std::string> multipart_boundary(std::string_view content_type);

/// At most 16 parts. Empty if the body is not well-formed.
std::optional<std::vector<Part>> parse_multipart(std::string_view body, const std::string& boundary);

}  // namespace microvisor::cloud::api
