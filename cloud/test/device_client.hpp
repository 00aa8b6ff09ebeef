// A scripted device for tests: real TCP, real TLS with a client certificate, frames by hand.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cloud/test/http_client.hpp"
#include "protocol/bundle/crypto.hpp"
#include "protocol/link/frame_codec.hpp"

namespace microvisor::cloud::test {

/// A device's key and what the cloud gave it.
struct DeviceIdentity {
  std::string sid;
  std::string key;  // PEM
  std::string certificate;
  std::string gateway_ca;
  std::string gateway_name;
  std::uint16_t gateway_port = 0;
};

/// Provisions through POST /api/devices, with a key of its own.
DeviceIdentity provision(const HttpClient& client, nlohmann::json members = nlohmann::json::object());

class DeviceClient {
 public:
  /// Connects and shakes hands. `error` is empty if that worked. A session of an earlier client can be
  /// resumed.
  explicit DeviceClient(const DeviceIdentity& identity, const DeviceClient* resume = nullptr);
  ~DeviceClient();
  DeviceClient(const DeviceClient&) = delete;
  DeviceClient& operator=(const DeviceClient&) = delete;

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool resumed() const;
  [[nodiscard]] std::string protocol() const;

  /// Hello and the answer to it.
  link::Frame hello(const std::string& app_manifest_hash = "", std::uint32_t attestation_version = 0);
  /// Likewise, with what `fill` adds.
  link::Frame hello(const std::function<void(link::Hello&)>& fill);
  void send(const link::Frame& frame);
  void send_raw(const std::string& bytes);
  /// The next frame; empty at the end of the connection.
  std::optional<link::Frame> receive();
  /// Skips frames until one of this kind; empty at the end of the connection.
  std::optional<link::Frame> receive(link::Frame::KindCase kind);
  void report(const std::string& manifest_hash, link::UpdateState state, int error = 0);
  /// Fetches until `limit` bytes or the end. `complete` tells whether Close came.
  std::string fetch(std::uint32_t stream, const std::string& hash, std::uint32_t offset, std::size_t limit,
                    bool* complete = nullptr, link::StreamError* end = nullptr);

 private:
  struct Tls;
  DeviceIdentity identity_;
  Socket socket_;
  std::unique_ptr<Tls> tls_;
  protocol::FrameReader reader_;
  std::string error_;
};

}  // namespace microvisor::cloud::test
