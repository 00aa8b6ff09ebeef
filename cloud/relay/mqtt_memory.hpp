// What is known of an MQTT session when neither its channel nor its connection is there any more.
//
// The messages themselves stay with the broker: it is told that one has been received only when the device
// has said so. Here is which number the device knows such a message by, which messages of QoS 2 the
// device has acknowledged and the broker not yet released, and which publications of QoS 2 are under way. The
// memories belong to the service and live on its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "cloud/relay/mqtt_packets.hpp"

namespace microvisor::cloud::mqtt {

using Moment = std::chrono::steady_clock::time_point;

/// Which session of which device it is.
struct MemoryKey {
  std::string account_sid;
  std::string device_sid;
  std::string host;
  std::uint16_t port = 0;
  std::string client_id;
  bool operator<(const MemoryKey& other) const {
    return std::tie(account_sid, device_sid, host, port, client_id) <
           std::tie(other.account_sid, other.device_sid, other.host, other.port, other.client_id);
  }
};

struct Memory {
  /// A message of QoS 1 or 2 that the broker counts as on its way to us.
  struct Arrived {
    std::uint32_t correlation_id = 0;
    std::uint8_t qos = 1;
    bool acknowledged = false;  ///< by the device
    bool here = false;          ///< has come over the connection of this moment
  };
  /// A publication of QoS 2 that the broker has not confirmed to the end.
  struct Departing {
    Publication publication;
    bool released = false;  ///< the broker has it: of what is sent again its content is no part
  };

  /// Starts numbers at `seed`, so that those of a memory that was lost do not come again.
  explicit Memory(std::uint32_t seed) : next_correlation(seed) {}

  std::uint32_t correlation() { return ++next_correlation == 0 ? ++next_correlation : next_correlation; }
  /// Both sides begin anew.
  void clear();
  /// The connection has ended.
  void disconnected();

  std::map<std::uint16_t, Arrived> arrived;      ///< by the broker's packet identifier
  std::map<std::uint16_t, Departing> departing;  ///< by ours
  std::uint32_t next_correlation;
  std::uint16_t last_id = 0;  ///< that was given to a packet of ours
};

/// Bytes of publications that one memory keeps without a connection.
inline constexpr std::size_t kRememberedBytes = 64 * 1024;
/// Memories of one device; the one that has been unused longest makes room.
inline constexpr std::size_t kMemoriesPerDevice = 8;
/// How long a session is remembered without a connection; a broker of version 5 is asked for the same.
inline constexpr std::chrono::hours kRemembered{24};

class Memories {
 public:
  /// `seed`: where the numbers of a new memory begin, another for each.
  explicit Memories(std::function<std::uint32_t()> seed) : seed_(std::move(seed)) {}
  /// That of `key`, new if there is none. It counts as in use for as long as somebody holds it.
  std::shared_ptr<Memory> take(const MemoryKey& key, Moment now);
  /// Forgets what has been unused for too long.
  void tick(Moment now);
  [[nodiscard]] std::size_t size() const { return memories_.size(); }

 private:
  struct Entry {
    std::shared_ptr<Memory> memory;
    Moment last_used;
  };
  void make_room(const MemoryKey& key);

  std::function<std::uint32_t()> seed_;
  std::map<MemoryKey, Entry> memories_;
};

}  // namespace microvisor::cloud::mqtt
