// A gateway in the process for tests of the kernel image: identity, network, and the moment at which the
// connection breaks.
#pragma once

#include <memory>
#include <string>

#include "board/modem/joined_network.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/kernel_machine.hpp"
#include "tests/link/device_identity.hpp"

namespace microvisor::tests {

class GatewayBench {
 public:
  static constexpr const char* kSid = "UV00112233445566778899aabbccddeeff";
  static constexpr const char* kHost = "gateway.example";

  /// Of a device this gateway knows.
  firmware::image::Identity identity() { return test::identity_for(gateway, kSid, kHost, owner); }

  void connect(KernelMachine& machine) {
    board::JoinedOptions options;
    options.names = {{kHost, board::kGatewayAddress}};
    machine.attach_modem(std::make_unique<board::JoinedNetwork>(
        machine.board().scheduler(),
        [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t) {
          latest_ = &connection;
          return gateway.join(connection);
        },
        options));
  }

  /// Has the device run an application of `size` bytes, which is not blank anywhere.
  void offer(std::size_t size) {
    protocol::Bytes image(size);
    for (std::size_t at = 0; at < size; ++at) image[at] = static_cast<std::uint8_t>(at * 31 + at / 251);
    offer(image);
  }

  void offer(const protocol::Bytes& image) {
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), owner).value();
    gateway.add_object(image);
    gateway.add_object(manifest);
    gateway.set_target(protocol::sha256(manifest));
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
