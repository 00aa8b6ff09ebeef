// Where an endpoint of an account's leads (docs/byte-streams.md).
//
// One parser for what is stored and for what is connected to: an address that it does not take never gets
// into the store. Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microvisor::cloud {

enum class EndpointScheme : std::uint8_t { Tcp, Tls, WebSocket };

struct EndpointUrl {
  EndpointScheme scheme{};
  std::string host;  ///< a canonical one (cloud/relay/policy.hpp)
  std::uint16_t port = 0;
  std::string target;  ///< of a WebSocket: path and query
};

/// "tcp://HOST:PORT", "tls://HOST:PORT" or "wss://HOST[:PORT]/PATH" of at most 512 bytes. Empty: it is none.
[[nodiscard]] std::optional<EndpointUrl> parse_endpoint_url(std::string_view text);

}  // namespace microvisor::cloud
