// A packet takes up a word for its length and its bytes; it is visible when our position has gone beyond it.
#include "firmware/kernel/network_interface.hpp"

#include "firmware/net/packet_queues.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kLengthWord = sizeof(std::uint32_t);

/// As its bytes travel.
constexpr std::uint32_t on_the_wire(net::Ipv4Address address) { return __builtin_bswap32(address); }

abi::Status check_buffer(Address buffer, std::uint32_t size, const MemoryClaims& claims) {
  using Interface = NetworkInterface;
  if (size < Interface::kSmallestBuffer || size > Interface::kLargestBuffer ||
      size % Interface::kGranule != 0)
    return abi::Status::INVALIDBUFFERSIZE;
  if (buffer % Interface::kGranule != 0) return abi::Status::INVALIDBUFFERALIGNMENT;
  return claims.overlaps(buffer, size) ? abi::Status::BUFFERALREADYINUSE : abi::Status::OKAY;
}

}  // namespace

// --- opening and closing
// ----------------------------------------------------------------------------------------------

void NetworkInterface::reset(std::uint32_t seed) { handles_.reset(seed); }

abi::Status NetworkInterface::check(const abi::OpenNetworkInterfaceParams& params,
                                    const MemoryClaims& claims) {
  const Address receive = params.receive_buffer, send = params.send_buffer;
  const abi::Status status = check_buffer(receive, params.receive_buffer_len, claims);
  if (status != abi::Status::OKAY) return status;
  const abi::Status other = check_buffer(send, params.send_buffer_len, claims);
  if (other != abi::Status::OKAY) return other;
  const bool apart = receive + params.receive_buffer_len <= send || send + params.send_buffer_len <= receive;
  return apart ? abi::Status::OKAY : abi::Status::PARAMETERFAULT;
}

abi::Status NetworkInterface::open(const abi::OpenNetworkInterfaceParams& params, MemoryClaims& claims,
                                   abi::NetworkInterfaceHandle& handle) {
  const auto index = handles_.allocate();
  if (!index) return abi::Status::TOOMANYCHANNELS;
  if (!claims.add(params.receive_buffer, params.receive_buffer_len) ||
      !claims.add(params.send_buffer, params.send_buffer_len)) {
    claims.remove(params.receive_buffer);
    handles_.release(*index);
    return abi::Status::UNAVAILABLE;
  }
  centre_ = params.notification_handle;
  tag_ = params.notification_tag;
  receive_.attach(params.receive_buffer, params.receive_buffer_len, PacketRing::Side::PutsIn);
  send_.attach(params.send_buffer, params.send_buffer_len, PacketRing::Side::TakesOut);
  room_wanted_ = refused_count_ = lost_count_ = 0;
  handle = handles_.handle(*index);
  return abi::Status::OKAY;
}

abi::Status NetworkInterface::close(abi::NetworkInterfaceHandle handle, MemoryClaims& claims) {
  const auto index = handles_.find(handle);
  if (!index) return abi::Status::INVALIDHANDLE;
  claims.remove(receive_.address());
  claims.remove(send_.address());
  handles_.release(*index);
  return abi::Status::OKAY;
}

void NetworkInterface::tell(abi::NetworkInterfaceState& state) const {
  state.up = bearer_.own != 0 ? 1 : 0;
  state.address = on_the_wire(net::Translator::kApplication);
  state.prefix_length = net::Translator::kPrefixLength;
  state.gateway = on_the_wire(net::Translator::kGateway);
  state.name_server = on_the_wire(bearer_.name_servers[0]);
  state.second_name_server = on_the_wire(bearer_.name_servers[1]);
  state.mtu = mtu_;
  state.refused = refused_count_;
  state.lost = lost_count_;
}

// --- packets of the application's
// -------------------------------------------------------------------------------------

void NetworkInterface::tell_room(Notifications& notifications, std::uint64_t now) {
  if (room_wanted_ == 0) return;
  const auto used = send_.used();
  if (!used || send_.capacity() - *used < room_wanted_) return;
  room_wanted_ = 0;
  notifications.post(centre_, abi::EventType::PACKETSENDSPACE, tag_, now);
}

/// Where a length cannot be, nobody knows where the next packet begins.
std::uint32_t NetworkInterface::oldest(Notifications& notifications, std::uint64_t now) {
  const auto used = send_.used();
  if (!used || *used == 0) {
    tell_room(notifications, now);
    return 0;
  }
  std::uint32_t length = 0;
  send_.read(0, &length, sizeof length);
  if (length != 0 && length <= net::kMaximumPacket && PacketRing::taken_up(length) <= *used) return length;
  send_.advance(*used);
  refused();
  tell_room(notifications, now);
  return 0;
}

void NetworkInterface::read(std::uint32_t from, void* to, std::uint32_t size) const {
  send_.read(kLengthWord + from, to, size);
}

void NetworkInterface::remove(std::uint32_t length, Notifications& notifications, std::uint64_t now) {
  send_.advance(PacketRing::taken_up(length));
  tell_room(notifications, now);
}

// --- packets for the application
// --------------------------------------------------------------------------------------

bool NetworkInterface::begin(std::uint32_t length) {
  const auto used = receive_.used();
  if (!used || receive_.capacity() - *used < PacketRing::taken_up(length)) {
    ++lost_count_;
    return false;
  }
  receive_.write(0, &length, sizeof length);
  return true;
}

void NetworkInterface::write(std::uint32_t from, const void* bytes, std::uint32_t size) {
  receive_.write(kLengthWord + from, bytes, size);
}

/// An application that has emptied its ring, position told, before it looks whether there is more never waits
/// for an event that does not come: either it sees this packet, or we see an empty ring.
void NetworkInterface::finish(std::uint32_t length, Notifications& notifications, std::uint64_t now) {
  const auto used = receive_.used();
  receive_.advance(PacketRing::taken_up(length));
  if (!used || *used == 0) notifications.post(centre_, abi::EventType::PACKETSRECEIVED, tag_, now);
}

void NetworkInterface::bearer_changed(const net::BearerAddresses& bearer, std::uint32_t mtu,
                                      Notifications& notifications, std::uint64_t now) {
  bearer_ = bearer;
  mtu_ = mtu;
  if (number() != 0) notifications.post(centre_, abi::EventType::NETWORKINTERFACECHANGED, tag_, now);
}

}  // namespace microvisor::firmware::kernel
