// An application's HTTP request: what a device may ask for, and what becomes of it on the way through
// redirects.
//
// Nothing of a device's request goes to a server unread: method, URL, header lines and timeout are checked
// before, and what would change where the message ends or whom it is for is taken out or refused. Plain
// values and pure functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/relay/http_url.hpp"
#include "protocol/channel.pb.h"

namespace microvisor::cloud {

/// MvHttpResult, as the application reads it.
enum class HttpResult : std::uint32_t {
  Ok = 0,
  UnsupportedScheme = 1,
  UnsupportedMethod = 2,
  InvalidHeaders = 3,
  InvalidTimeout = 4,
  RequestFailed = 5,
  ResponseTooLarge = 6,
};

inline constexpr std::size_t kMostHttpHeaders = 32;
inline constexpr std::uint32_t kShortestHttpTimeout = 5000;  ///< ms
inline constexpr std::uint32_t kLongestHttpTimeout = 10000;  ///< ms

struct HttpHeader {
  std::string name;
  std::string value;
};

/// A request that has been checked.
struct HttpOrder {
  std::string method;
  HttpUrl url;
  std::vector<HttpHeader> headers{};
  std::string body{};
  std::chrono::milliseconds timeout{};
};

/// Ok: `order` has it. Of several faults the one with the least number counts.
[[nodiscard]] HttpResult check_http_request(const channel::HttpRequest& request, HttpOrder& order);

/// Whether a response with this status and a Location is followed (RFC 9110, section 15.4).
[[nodiscard]] bool is_redirect(int status);
/// Makes `order` what is asked of the next server. False: it may not be followed there.
[[nodiscard]] bool follow_redirect(HttpOrder& order, int status, const std::string& location);

/// RFC 9110, sections 5.6.2 and 5.5.
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] bool is_field_value(std::string_view text);
/// Header names are compared without regard to case.
[[nodiscard]] bool same_name(std::string_view one, std::string_view other);
/// Without spaces and tabs in front and behind.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace microvisor::cloud
