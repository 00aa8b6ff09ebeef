// A gateway in the process for tests of the kernel image: identity, network, and the moment at which the
// connection breaks.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "board/modem/joined_network.hpp"
#include "firmware/image/image.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/kernel_machine.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::tests {

class GatewayBench {
 public:
  static constexpr const char* kSid = "UV00112233445566778899aabbccddeeff";

  /// Of a device this gateway knows.
  firmware::image::Identity identity() {
    const test::Key key = test::Key::generate();
    firmware::image::Identity result;
    result.device_sid = kSid;
    const auto scalar = key.scalar();
    std::copy(scalar.begin(), scalar.end(), result.device_private_key.begin());
    result.device_certificate = gateway.device_authority().leaf(key, kSid).der();
    result.gateway_host = "gateway.example";
    result.gateway_port = gateway.port();
    result.gateway_server_name = "gateway.microvisor.internal";
    result.gateway_ca = gateway.gateway_authority().certificate.der();
    result.manifest_signers = {owner.public_key()};
    return result;
  }

  void connect(KernelMachine& machine) {
    board::JoinedOptions options;
    options.names = {{"gateway.example", board::kGatewayAddress}};
    machine.attach_modem(std::make_unique<board::JoinedNetwork>(
        machine.board().scheduler(),
        [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t) {
          latest_ = &connection;
          return gateway.join(connection);
        },
        options));
  }

  /// The device has made a connection, TLS comes next.
  [[nodiscard]] bool connected() const { return latest_ != nullptr; }

  /// Breaks off the connection that was made last; it must still stand.
  void cut() { latest_->reset(); }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  test::TestGateway gateway{kSid};

 private:
  board::JoinedConnection* latest_ = nullptr;
};

}  // namespace microvisor::tests
