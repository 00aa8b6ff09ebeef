// Between two pieces the application may close the interface or end: whoever goes on asks first whether it is
// still the one he began with.
#include "firmware/kernel/network_queues.hpp"

#include <algorithm>

#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kPiece = 256;  // bytes copied with interrupts held off

/// Calls `step(interface, from, size)` for each piece of `length` bytes. False: the interface with this
/// number has gone.
template <typename Step>
bool by_pieces(std::uint32_t number, std::uint32_t length, Step step) {
  for (std::uint32_t from = 0; from < length; from += kPiece) {
    const Atomic atomic;
    NetworkInterface& interface = services().network_interface;
    if (interface.number() != number) return false;
    step(interface, from, std::min(kPiece, length - from));
  }
  return true;
}

/// Calls `act(interface, notifications, now)`, if there is still the interface with this number.
template <typename Act>
bool in_one(std::uint32_t number, Act act) {
  const Atomic atomic;
  Services& s = services();
  if (number == 0 || s.network_interface.number() != number) return false;
  act(s.network_interface, s.notifications, clock_microseconds());
  return true;
}

}  // namespace

std::uint32_t NetworkQueues::number() { return services().network_interface.number(); }

std::size_t NetworkQueues::take(std::span<std::uint8_t, net::kMaximumPacket> into) {
  const std::uint32_t number = this->number();
  std::uint32_t length = 0;
  const bool there = in_one(number, [&](NetworkInterface& interface, Notifications& notifications, auto now) {
    length = interface.oldest(notifications, now);
  });
  if (!there || length == 0) return 0;
  const bool all = by_pieces(number, length, [&](NetworkInterface& interface, auto from, auto size) {
    interface.read(from, &into[from], size);
  });
  const bool taken = all && in_one(number, [&](NetworkInterface& interface, auto& notifications, auto now) {
                       interface.remove(length, notifications, now);
                     });
  return taken ? length : 0;
}

void NetworkQueues::refused() {
  const Atomic atomic;
  services().network_interface.refused();
}

void NetworkQueues::give(std::span<const std::uint8_t> packet) {
  const std::uint32_t number = this->number();
  const auto length = static_cast<std::uint32_t>(packet.size());
  bool room = false;
  const bool there =
      in_one(number, [&](NetworkInterface& interface, auto&, auto) { room = interface.begin(length); });
  if (!there || !room) return;
  const bool all = by_pieces(number, length, [&](NetworkInterface& interface, auto from, auto size) {
    interface.write(from, &packet[from], size);
  });
  if (!all) return;
  in_one(number, [&](NetworkInterface& interface, auto& notifications, auto now) {
    interface.finish(length, notifications, now);
  });
}

void NetworkQueues::bearer_changed(const net::BearerAddresses& bearer, std::uint32_t mtu) {
  const Atomic atomic;
  Services& s = services();
  s.network_interface.bearer_changed(bearer, mtu, s.notifications, clock_microseconds());
}

}  // namespace microvisor::firmware::kernel
