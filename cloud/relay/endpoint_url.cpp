// Nothing is guessed: what a URL may have and these have no use for, a user or a fragment, makes it none.
#include "cloud/relay/endpoint_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "cloud/relay/policy.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::size_t kLongestUrl = 512;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::array<std::pair<std::string_view, EndpointScheme>, 3> kSchemes = {{
    {"tcp://", EndpointScheme::Tcp},
    {"tls://", EndpointScheme::Tls},
    {"wss://", EndpointScheme::WebSocket},
}};

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool is_target(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
}

/// "HOST" or "HOST:PORT", where an address of IPv6 stands in brackets.
bool parse_authority(std::string_view text, EndpointUrl& url) {
  const std::size_t end_of_address = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = text.find(':', end_of_address);
  url.host = canonical_host(text.substr(0, colon));
  if (url.host.empty()) return false;
  return colon == std::string_view::npos ? url.port != 0 : parse_port(text.substr(colon + 1), url.port);
}

}  // namespace

std::optional<EndpointUrl> parse_endpoint_url(std::string_view text) {
  const auto* scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                    [&](const auto& known) { return text.starts_with(known.first); });
  if (text.size() > kLongestUrl || scheme == kSchemes.end()) return std::nullopt;
  EndpointUrl url;
  url.scheme = scheme->second;
  text.remove_prefix(scheme->first.size());
  if (url.scheme == EndpointScheme::WebSocket) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    url.target = text.substr(slash);
    url.port = kHttpsPort;
    text = text.substr(0, slash);
    if (url.target.empty() || !is_target(url.target)) return std::nullopt;
  }
  if (!parse_authority(text, url)) return std::nullopt;
  return url;
}

}  // namespace microvisor::cloud
