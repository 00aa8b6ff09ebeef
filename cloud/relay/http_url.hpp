// URLs of requests and redirects, as libcurl reads them.
//
// Whoever judges a URL and whoever opens it must mean the same host by it: so there is one reading of it,
// made once, and the transfer is given that reading, not the text again. A value; any thread.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace microvisor::cloud {

class HttpUrl {
 public:
  /// Empty: it is no URL of scheme https with a host that can be one.
  [[nodiscard]] static std::optional<HttpUrl> parse(const std::string& text);
  /// Where a Location header leads from here. Empty: as for parse(). Names and passwords inside the URL stay
  /// behind unless it is the same origin.
  [[nodiscard]] std::optional<HttpUrl> resolve(const std::string& location) const;

  [[nodiscard]] const std::string& host() const { return host_; }  ///< canonical (cloud/relay/policy.hpp)
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// RFC 6454: scheme, host and port; the scheme is always https.
  [[nodiscard]] bool same_origin(const HttpUrl& other) const {
    return host_ == other.host_ && port_ == other.port_;
  }
  /// "host" or "host:port", as a Host header has it.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] CURLU* handle() const { return handle_.get(); }
  [[nodiscard]] std::string text() const;

 private:
  struct Free {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
  };
  using Handle = std::unique_ptr<CURLU, Free>;
  [[nodiscard]] static std::optional<HttpUrl> read(Handle handle);

  Handle handle_;
  std::string host_;
  std::uint16_t port_ = 0;
};

/// Whether `text` begins with "https://", in any case.
[[nodiscard]] bool is_https(const std::string& text);

}  // namespace microvisor::cloud
