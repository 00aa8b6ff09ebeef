// See application_traffic.hpp.
#include "firmware/net/application_traffic.hpp"

namespace microvisor::firmware::net {

void ApplicationTraffic::bearer_is(const BearerAddresses& bearer, std::uint32_t mtu) {
  if (queues_ == nullptr || (bearer == bearer_ && mtu == mtu_)) return;
  bearer_ = bearer;
  mtu_ = mtu;
  translator_.reset();
  last_heard_ = 0;
  queues_->bearer_changed(bearer, mtu);
}

/// What one application has begun is not the next one's.
void ApplicationTraffic::follow_interface() {
  const std::uint32_t number = queues_->number();
  if (number == number_) return;
  number_ = number;
  translator_.reset();
}

bool ApplicationTraffic::may_send(bool own_under_way, std::uint64_t now) {
  if (!own_under_way) {
    last_quiet_ = now;
    return true;
  }
  return now - last_quiet_ >= kPatience && now - last_sent_ >= kTrickle;
}

ApplicationTraffic::Outgoing ApplicationTraffic::next(bool own_under_way, std::uint64_t now) {
  if (queues_ == nullptr) return {};
  follow_interface();
  if (number_ == 0 || bearer_.own == 0 || !may_send(own_under_way, now)) return {};
  const std::size_t size = queues_->take(packet_);
  if (size == 0) return {};
  const std::span<std::uint8_t> packet(packet_.data(), size);
  if (size > mtu_ || !translator_.send(packet, bearer_, now)) {
    queues_->refused();
    return {.taken = true};
  }
  last_sent_ = now;
  return {.taken = true, .packet = packet};
}

bool ApplicationTraffic::received(std::size_t size, std::uint64_t now) {
  const std::span<std::uint8_t> packet(packet_.data(), size);
  follow_interface();
  if (!translator_.receive(packet, bearer_, now)) return false;
  queues_->give(packet);
  last_heard_ = now;
  return true;
}

}  // namespace microvisor::firmware::net
