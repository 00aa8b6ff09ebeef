// The peers of the relay's tests that are not ours: the broker mosquitto as a process, and clients by its
// library.
#pragma once

#include <mosquitto.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace microvisor::cloud::test {

/// A broker for the time of a test, with a directory of its own for what its configuration names.
class MosquittoBroker {
 public:
  static constexpr const char* kRulesPlugin = MICROVISOR_MOSQUITTO_RULES;
  MosquittoBroker();
  ~MosquittoBroker();
  MosquittoBroker(const MosquittoBroker&) = delete;
  MosquittoBroker& operator=(const MosquittoBroker&) = delete;

  /// Writes a file into the directory; its path.
  std::string write(const std::string& name, const std::string& content) const;
  /// A file of passwords for one user.
  [[nodiscard]] std::string passwords(const std::string& user, const std::string& password) const;
  /// Starts a listener's part of the configuration; its port.
  std::uint16_t listener(const std::string& lines);
  /// Returns when all listeners answer.
  void start();
  void stop();
  /// As kill -9 does.
  void kill();

 private:
  std::string directory_;
  std::string configuration_;
  std::vector<std::uint16_t> ports_;
  pid_t process_ = -1;
};

/// Another client of a broker, without anything of ours.
class MqttPeer {
 public:
  struct Message {
    std::string topic;
    std::string payload;
    int qos;
    bool retain;
  };
  MqttPeer(std::uint16_t port, const std::string& client_id);
  ~MqttPeer();
  MqttPeer(const MqttPeer&) = delete;
  MqttPeer& operator=(const MqttPeer&) = delete;

  /// Moves on without waiting.
  void poll();
  void subscribe(const std::string& topic, int qos);
  void publish(const std::string& topic, const std::string& payload, int qos, bool retain = false);
  [[nodiscard]] bool has(const std::string& topic, const std::string& payload) const;

  std::vector<Message> messages;
  bool connected = false;
  int subscribed = 0;  ///< subscriptions that the broker has confirmed
  int published = 0;   ///< publications likewise

 private:
  mosquitto* client_;
};

}  // namespace microvisor::cloud::test
