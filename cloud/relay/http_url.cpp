// Parts are asked for one at a time; what libcurl does not give is empty.
#include "cloud/relay/http_url.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "cloud/relay/policy.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::string_view kPrefix = "https://";

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

/// Whether what libcurl has understood is understood the same when it is written down and read again. It is
/// not where digits of a number stand in percent-encoding: decoded, they are a name; read again, an address.
bool is_read_the_same_again(CURLU* url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> again(curl_url(), curl_url_cleanup);
  return again &&
         curl_url_set(again.get(), CURLUPART_URL, part_of(url, CURLUPART_URL).c_str(), 0) == CURLUE_OK &&
         part_of(again.get(), CURLUPART_HOST) == part_of(url, CURLUPART_HOST);
}

}  // namespace

bool is_https(const std::string& text) {
  return text.size() >= kPrefix.size() &&
         std::equal(kPrefix.begin(), kPrefix.end(), text.begin(), [](char expected, char c) {
           return expected == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
         });
}

std::optional<HttpUrl> HttpUrl::read(Handle handle) {
  HttpUrl url;
  if (part_of(handle.get(), CURLUPART_SCHEME) != "https") return std::nullopt;
  url.host_ = canonical_host(part_of(handle.get(), CURLUPART_HOST));
  if (!is_read_the_same_again(handle.get())) return std::nullopt;
  // A zone is an interface of this machine's.
  if (url.host_.empty() || !part_of(handle.get(), CURLUPART_ZONEID).empty()) return std::nullopt;
  const std::string port = part_of(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port_);
  if (error != std::errc() || end != port.data() + port.size() || url.port_ == 0) return std::nullopt;
  url.handle_ = std::move(handle);
  return url;
}

std::optional<HttpUrl> HttpUrl::parse(const std::string& text) {
  if (!is_https(text) || text.find('\0') != std::string::npos) return std::nullopt;
  if (text.substr(kPrefix.size(), 1) == "/")
    return std::nullopt;  // libcurl would look for the host behind it
  Handle handle(curl_url());
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  return read(std::move(handle));
}

std::optional<HttpUrl> HttpUrl::resolve(const std::string& location) const {
  if (location.find('\0') != std::string::npos) return std::nullopt;
  Handle handle(curl_url_dup(handle_.get()));
  // Locations with spaces or letters beyond ASCII are common; they are encoded.
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK)
    return std::nullopt;
  auto url = read(std::move(handle));
  if (!url || url->same_origin(*this)) return url;
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS})
    curl_url_set(url->handle(), part, nullptr, 0);
  return url;
}

std::string HttpUrl::authority() const {
  return port_ == kHttpsPort ? host_ : host_ + ":" + std::to_string(port_);
}

std::string HttpUrl::text() const { return part_of(handle_.get(), CURLUPART_URL); }

}  // namespace microvisor::cloud
