// See junction.hpp. Addresses of IPv4 (RFC 791 section 3.1).
#include "board/modem/junction.hpp"

#include <utility>

#include "board/modem/packet.hpp"

namespace microvisor::board {
namespace {

constexpr std::size_t kHeader = 20, kSource = 12, kDestination = 16;

}  // namespace

class Junction::Port final : public Network {
 public:
  explicit Port(Network& behind) : behind_(behind) {}
  void send(std::span<const std::uint8_t> packet) override { behind_.send(packet); }
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds timeout) override { return behind_.poll(timeout); }
  [[nodiscard]] bool awaiting() const override { return behind_.awaiting(); }
  void wake() override { behind_.wake(); }
  void receive(std::span<const std::uint8_t> packet) {
    if (receiver_) receiver_(packet);
  }

 private:
  Network& behind_;
  Receiver receiver_;
};

Junction::Junction(Network& behind) : behind_(behind) {
  behind_.on_receive([this](std::span<const std::uint8_t> packet) {
    if (packet.size() < kHeader) return;
    const auto found = ports_.find(packet::get32(packet, kDestination));
    if (found != ports_.end()) found->second->receive(packet);
  });
}

Junction::~Junction() { behind_.on_receive({}); }

Network& Junction::port(std::uint32_t address) {
  auto& port = ports_[address];
  if (!port) port = std::make_unique<Port>(behind_);
  return *port;
}

void Airs::add(std::uint32_t address, Network& network) {
  networks_[address] = &network;
  network.on_receive([this](std::span<const std::uint8_t> packet) {
    if (receiver_) receiver_(packet);
  });
}

void Airs::send(std::span<const std::uint8_t> packet) {
  if (packet.size() < kHeader) return;
  const auto found = networks_.find(packet::get32(packet, kSource));
  if (found != networks_.end()) found->second->send(packet);
}

/// They end in one network: the first waits for it, the others are asked what it has brought.
bool Airs::poll(std::chrono::microseconds timeout) {
  bool any = false;
  for (auto& [address, network] : networks_) {
    any = network->poll(timeout) || any;
    timeout = {};
  }
  return any;
}

bool Airs::awaiting() const { return !networks_.empty() && networks_.begin()->second->awaiting(); }

void Airs::wake() {
  if (!networks_.empty()) networks_.begin()->second->wake();
}

}  // namespace microvisor::board
