// The tables are RFC 9110's: which methods, which header fields belong to the connection and not to the
// message.
#include "cloud/relay/http_request.hpp"

#include <algorithm>
#include <array>

namespace microvisor::cloud {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",  "POST",   "PUT",
                                                      "DELETE", "PATCH", "OPTIONS"};

/// They are about the connection between us and the server (section 7.6.1), or make it wait (Expect).
constexpr std::array<std::string_view, 11> kOfTheConnection = {
    "Connection", "Keep-Alive",       "Proxy-Authenticate", "Proxy-Authorization",
    "TE",         "Trailer",          "Transfer-Encoding",  "Upgrade",
    "Expect",     "Proxy-Connection", "HTTP2-Settings"};

/// What still describes the request when it goes to somebody else. Anything not named here may be a secret
/// meant for the first server: Authorization, Cookie, whatever keys of APIs are called.
constexpr std::array<std::string_view, 14> kForAnyServer = {
    "Accept",        "Accept-Charset",   "Accept-Encoding",   "Accept-Language",
    "Cache-Control", "Content-Encoding", "Content-Language",  "Content-Location",
    "Content-Type",  "If-Match",         "If-Modified-Since", "If-None-Match",
    "Range",         "User-Agent"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view it) { return same_name(it, name); });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// "Name: value". False: it is none, or not one that a device may send.
bool read_header(std::string_view line, HttpHeader& header) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  header.name = line.substr(0, colon);
  header.value = trimmed(line.substr(colon + 1));
  return is_token(header.name) && is_field_value(header.value) && !is_one_of(kOfTheConnection, header.name);
}

/// Host and Content-Length are ours to write. A request that has them right is taken, one that has them
/// otherwise refused. False: refused.
bool read_headers(const channel::HttpRequest& request, const std::optional<HttpUrl>& url,
                  std::vector<HttpHeader>& headers) {
  if (static_cast<std::size_t>(request.headers_size()) > kMostHttpHeaders) return false;
  for (const std::string& line : request.headers()) {
    HttpHeader header;
    if (!read_header(line, header)) return false;
    if (same_name(header.name, "Content-Length")) {
      if (header.value != std::to_string(request.body().size())) return false;
    } else if (same_name(header.name, "Host")) {
      if (url && !same_name(header.value, url->authority())) return false;
    } else {
      headers.push_back(std::move(header));
    }
  }
  return true;
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

bool same_name(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

HttpResult check_http_request(const channel::HttpRequest& request, HttpOrder& order) {
  if (!is_https(request.url())) return HttpResult::UnsupportedScheme;
  if (std::find(kMethods.begin(), kMethods.end(), request.method()) == kMethods.end())
    return HttpResult::UnsupportedMethod;
  auto url = HttpUrl::parse(request.url());
  order.headers.clear();
  if (!read_headers(request, url, order.headers)) return HttpResult::InvalidHeaders;
  const std::uint32_t timeout = request.timeout_milliseconds();
  if (timeout < kShortestHttpTimeout || timeout > kLongestHttpTimeout) return HttpResult::InvalidTimeout;
  if (!url) return HttpResult::RequestFailed;
  order.method = request.method();
  order.url = std::move(*url);
  order.body = request.body();
  order.timeout = std::chrono::milliseconds(timeout);
  return HttpResult::Ok;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool follow_redirect(HttpOrder& order, int status, const std::string& location) {
  auto next = order.url.resolve(location);
  if (!next) return false;
  const bool to_get = (status == 303 && order.method != "HEAD") ||
                      ((status == 301 || status == 302) && order.method == "POST");
  if (to_get) {
    order.method = "GET";
    order.body.clear();
    std::erase_if(order.headers,
                  [](const HttpHeader& header) { return same_name(header.name.substr(0, 8), "Content-"); });
  }
  if (!next->same_origin(order.url))
    std::erase_if(order.headers,
                  [](const HttpHeader& header) { return !is_one_of(kForAnyServer, header.name); });
  order.url = std::move(*next);
  return true;
}

}  // namespace microvisor::cloud
