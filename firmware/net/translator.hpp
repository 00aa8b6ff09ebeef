// The application's IP packets on the device's bearer: one address for both worlds.
//
// The application's interface has a private address of its own. A packet that leaves gets the bearer's
// address and a port of a range that Microvisor's own traffic does not use; an answer is told by that port
// and goes back (RFC 3022, network address and port translation). Nothing comes in that the application has
// not asked for: an entry is for one peer (address and port), and ends after a time of silence (RFC 4787,
// 5382, 5508). No hardware and no IP stack in it. Owned by the link, lives in the worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::net {

/// An IPv4 address as a number: 10.0.0.1 is 0x0A00'0001.
using Ipv4Address = std::uint32_t;

/// What the bearer has been given.
struct BearerAddresses {
  Ipv4Address own = 0;
  Ipv4Address peer = 0;  ///< the other end of the line
  std::array<Ipv4Address, 2> name_servers{};
  bool operator==(const BearerAddresses&) const = default;
};

class Translator {
 public:
  // A net of four addresses that is neither in use by carriers nor common in homes.
  static constexpr Ipv4Address kApplication = 0x0AF4'A102;  ///< 10.244.161.2
  static constexpr Ipv4Address kGateway = 0x0AF4'A101;
  static constexpr unsigned kPrefixLength = 30;

  static constexpr unsigned kEntries = 24;  ///< connections and exchanges at a time
  static constexpr std::uint16_t kFirstPort =
      0x6000;  ///< lwIP's own begin at 0xC000 (tcp.h, TCP_LOCAL_PORT_RANGE)

  /// Forgets all entries: the bearer has another address.
  void reset() { entries_ = {}; }
  /// Makes `packet`, which the application sends, one of the device's. False: it does not go out.
  [[nodiscard]] bool send(std::span<std::uint8_t> packet, const BearerAddresses& bearer, std::uint64_t now);
  /// Makes `packet`, which has come for the device, one of the application's. False: it is not one, and as it
  /// was.
  [[nodiscard]] bool receive(std::span<std::uint8_t> packet, const BearerAddresses& bearer,
                             std::uint64_t now);
  /// Entries that have not ended.
  [[nodiscard]] unsigned in_use(std::uint64_t now) const;

 private:
  /// What an exchange is known by. Of ICMP echoes the identifier stands for the port, and the peer has none.
  struct Exchange {
    std::uint8_t protocol;
    std::uint16_t port;  // the application's
    Ipv4Address peer;
    std::uint16_t peer_port;
    bool operator==(const Exchange&) const = default;
  };
  enum class State : std::uint8_t { Free, Opening, Established, Closing };
  struct Entry {
    State state = State::Free;
    Exchange exchange{};
    std::uint32_t heard = 0;  // last packet either way, in units of translator.cpp
  };
  class Packet;

  // These count in units of translator.cpp.
  [[nodiscard]] static std::uint32_t lifetime(const Entry& entry);
  [[nodiscard]] static bool ended(const Entry& entry, std::uint32_t now) {
    return entry.state == State::Free || now - entry.heard > lifetime(entry);
  }
  [[nodiscard]] Entry* find_or_begin(const Exchange& exchange, std::uint32_t now);
  /// That of this port of ours, if it is with this peer.
  [[nodiscard]] Entry* find(std::uint16_t port, std::uint8_t protocol, Ipv4Address peer,
                            std::uint16_t peer_port, std::uint32_t now);
  [[nodiscard]] bool receive_error(Packet& packet, const BearerAddresses& bearer, std::uint32_t now);
  static void follow(Entry& entry, const Packet& packet, bool from_peer, std::uint32_t now);
  [[nodiscard]] std::uint16_t port_of(const Entry& entry) const {
    return static_cast<std::uint16_t>(kFirstPort + (&entry - entries_.data()));
  }

  std::array<Entry, kEntries> entries_{};
};

}  // namespace microvisor::firmware::net
