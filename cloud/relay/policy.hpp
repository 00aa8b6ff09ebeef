// What a device's request may reach through the cloud. Shared by the relays of HTTP and MQTT.
//
// Two questions. Before a name is resolved: may this account's devices speak to this host (AllowedHosts)? And
// when a connection is about to be made, for each one anew: may it go to this very address (may_connect)? The
// second is asked of the address, not of the name, so that no name and no answer of a name server leads into
// the cloud's own networks. What the operator has named on the command line is the one exception. Values that
// do not change, any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cloud/relay/address.hpp"
#include "cloud/relay/options.hpp"
#include "protocol/bundle/openssl.hpp"

namespace microvisor::cloud {

/// Connections to `host` and `port` go to this address and port, whatever they are; no name is resolved.
struct RelayResolution {
  std::string host;  ///< lower case
  std::uint16_t port = 0;
  IpAddress address;
  std::uint16_t address_port = 0;
};
[[nodiscard]] tl::expected<RelayResolution, std::string> parse_resolution(const std::string& text);

/// A host's name as it is compared: lower case, without the dot of the root. Empty: it can be none; letters,
/// digits, '-', '_' and '.' are taken, or an IPv6 address in brackets.
[[nodiscard]] std::string canonical_host(std::string_view host);

/// An account's allow-list. Without entries it allows everything.
class AllowedHosts {
 public:
  /// Entries that are none (see canonical()) allow nothing.
  explicit AllowedHosts(const std::vector<std::string>& entries);
  /// The entry as it is stored; empty: it is none. "host", "host:port", "*.domain" and "*.domain:port", which
  /// is everything below the domain, but not the domain itself.
  [[nodiscard]] static std::string canonical(std::string_view entry);
  /// `host` is a canonical one.
  [[nodiscard]] bool allows(std::string_view host, std::uint16_t port) const;

 private:
  struct Entry {
    std::string host;
    bool below = false;
    std::uint16_t port = 0;  // 0: any
  };
  static bool parse(std::string_view text, Entry& entry);
  std::vector<Entry> entries_;
  bool everything_ = false;
};

class RelayPolicy {
 public:
  /// The error is one line: an option that is none, a file that cannot be read.
  [[nodiscard]] static tl::expected<RelayPolicy, std::string> make(const RelayOptions& options);

  /// Where the operator wants connections to go; null: wherever the name leads. `host` is a canonical one.
  [[nodiscard]] const RelayResolution* resolution(std::string_view host, std::uint16_t port) const;
  /// Whether a connection for this host may be made to this address: to be asked right before connect().
  [[nodiscard]] bool may_connect(std::string_view host, std::uint16_t port, const sockaddr& address) const;
  /// Who may vouch for servers: the system's authorities and those of the operator.
  [[nodiscard]] X509_STORE* authorities() const { return authorities_.get(); }

 private:
  RelayPolicy() = default;
  std::vector<RelayResolution> resolutions_;
  std::shared_ptr<X509_STORE> authorities_;
};

}  // namespace microvisor::cloud
