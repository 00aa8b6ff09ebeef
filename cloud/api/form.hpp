// application/x-www-form-urlencoded (URL Standard, section 5.1), and the percent-encoding it shares with
// paths.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cloud/api/http.hpp"

namespace microvisor::cloud::api {

/// Empty for a broken escape or a NUL. `plus_is_space` in forms and queries, not in paths.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// Everything but unreserved characters (RFC 3986, section 2.3) is escaped.
std::string percent_encode(std::string_view text);

/// Of a name given twice the last one counts. Empty for a broken escape.
std::optional<Parameters> parse_form(std::string_view body);

/// The body of a request. Another content type, and a form that cannot be decoded, end the request.
Parameters read_form(const Request& request);

/// "true" or "false" in any case; anything else is a bad request that names the parameter.
bool parse_boolean(const std::string& name, const std::string& value);

/// A decimal number within [low, high]; anything else is a bad request that names the parameter.
std::uint64_t parse_number(const std::string& name, const std::string& value, std::uint64_t low,
                           std::uint64_t high);

}  // namespace microvisor::cloud::api
