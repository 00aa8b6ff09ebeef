// Texts are split from the right, where the port is: an IPv6 address has colons itself and stands in
// brackets.
#include "cloud/relay/policy.hpp"

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

namespace microvisor::cloud {
namespace {

using protocol::openssl::OwnedCertificate;

constexpr std::size_t kLongestHost = 253;  // RFC 1035, section 2.3.4, as text

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

std::uint16_t port_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohs(v4.sin_port);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return ntohs(v6.sin6_port);
}

/// Takes what stands in front of the first colon outside brackets, and the colon.
std::string_view take_part(std::string_view& text) {
  std::size_t end = 0;
  if (text.starts_with('[')) end = std::min(text.find(']'), text.size());
  end = std::min(text.find(':', end), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string_view without_brackets(std::string_view text) {
  const bool has = text.size() > 2 && text.front() == '[' && text.back() == ']';
  return has ? text.substr(1, text.size() - 2) : text;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestHost && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

std::shared_ptr<X509_STORE> system_authorities() {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (!store) protocol::openssl::throw_openssl("store of authorities");
  X509_STORE_set_default_paths(store.get());
  // What the operator names is trusted as it is, whoever has issued it.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();  // a machine without certificates trusts nobody
  return store;
}

tl::expected<void, std::string> add_authorities(X509_STORE* store, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return tl::unexpected("cannot read " + path);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto bio = protocol::openssl::bio_of(content);
  int count = 0;
  while (const OwnedCertificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, certificate.get());
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0 || !at_end) return tl::unexpected(path + " is not a file of certificates in PEM form");
  return {};
}

}  // namespace

std::string canonical_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto address = parse_ip_address(std::string(without_brackets(host)));
    return address && address->v6 ? "[" + to_text(*address) + "]" : std::string();
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return is_name(name) ? name : std::string();
}

tl::expected<RelayResolution, std::string> parse_resolution(const std::string& text) {
  std::string_view rest = text;
  RelayResolution result;
  result.host = canonical_host(take_part(rest));
  bool good = !result.host.empty() && parse_port(take_part(rest), result.port);
  result.address_port = result.port;
  // An address of IPv6 may do without brackets where no port follows.
  auto address = parse_ip_address(std::string(rest));
  if (!address) {
    address = parse_ip_address(std::string(without_brackets(take_part(rest))));
    if (!rest.empty() || text.ends_with(':')) good = good && parse_port(rest, result.address_port);
  }
  if (!good || !address) return tl::unexpected("not HOST:PORT:ADDRESS or HOST:PORT:ADDRESS:PORT: " + text);
  result.address = *address;
  return result;
}

AllowedHosts::AllowedHosts(const std::vector<std::string>& entries) : everything_(entries.empty()) {
  for (const std::string& text : entries) {
    Entry entry;
    if (parse(text, entry)) entries_.push_back(std::move(entry));
  }
}

bool AllowedHosts::parse(std::string_view text, Entry& entry) {
  entry.below = text.starts_with("*.");
  if (entry.below) text.remove_prefix(2);
  const std::size_t end_of_address = text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0;
  const bool has_port = text.find(':', end_of_address) != std::string_view::npos;
  entry.host = canonical_host(take_part(text));
  if (entry.host.empty() || (entry.below && entry.host.front() == '[')) return false;
  return !has_port || parse_port(text, entry.port);
}

std::string AllowedHosts::canonical(std::string_view text) {
  Entry entry;
  if (!parse(text, entry)) return {};
  return (entry.below ? "*." : "") + entry.host + (entry.port == 0 ? "" : ":" + std::to_string(entry.port));
}

bool AllowedHosts::allows(std::string_view host, std::uint16_t port) const {
  return everything_ || std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
           if (entry.port != 0 && entry.port != port) return false;
           if (!entry.below) return entry.host == host;
           return host.size() > entry.host.size() + 1 && host.ends_with(entry.host) &&
                  host[host.size() - entry.host.size() - 1] == '.';
         });
}

tl::expected<RelayPolicy, std::string> RelayPolicy::make(const RelayOptions& options) {
  RelayPolicy policy;
  for (const std::string& text : options.resolve) {
    auto resolution = parse_resolution(text);
    if (!resolution) return tl::unexpected(resolution.error());
    policy.resolutions_.push_back(std::move(*resolution));
  }
  policy.authorities_ = system_authorities();
  if (options.authorities.empty()) return policy;
  if (auto added = add_authorities(policy.authorities_.get(), options.authorities); !added)
    return tl::unexpected(added.error());
  return policy;
}

const RelayResolution* RelayPolicy::resolution(std::string_view host, std::uint16_t port) const {
  const auto found = std::find_if(resolutions_.begin(), resolutions_.end(), [&](const RelayResolution& it) {
    return it.host == host && it.port == port;
  });
  return found == resolutions_.end() ? nullptr : &*found;
}

bool RelayPolicy::may_connect(std::string_view host, std::uint16_t port, const sockaddr& address) const {
  const auto ip = ip_address(address);
  if (!ip) return false;
  if (const RelayResolution* named = resolution(host, port); named != nullptr)
    return *ip == named->address && port_of(address) == named->address_port;
  return is_public(*ip);
}

}  // namespace microvisor::cloud
