// One MQTT session of an application's: its channel on one side, the connection to its broker on the other.
//
// What the broker sends with QoS 1 or 2 is acknowledged to it only when the device has acknowledged: until
// then the broker has it, and a cloud that is killed loses nothing. That is why this is a client of its own:
// those of libraries acknowledge by themselves, take packets of any length, and connect while their thread
// waits.
//
// Bytes and messages in, bytes and messages out, no sockets and no clock. Owned by the service, lives on its
// thread; outlives its channel for a moment so that publications that are under way arrive, and is deleted
// when it is over(), never in a call to it.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cloud/channels/channel.hpp"
#include "cloud/relay/mqtt_memory.hpp"
#include "cloud/relay/mqtt_requests.hpp"

namespace microvisor::cloud::mqtt {

/// A connection to a broker. Whoever deletes it breaks it off.
class BrokerLine {
 public:
  virtual ~BrokerLine() = default;
  virtual void send(std::string bytes) = 0;
  /// Bytes that the network has not taken yet.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  /// Sends what is queued and closes in order, also when this is deleted meanwhile.
  virtual void finish() = 0;
};

/// What a line tells, never within a call to it.
class BrokerEvents {
 public:
  virtual ~BrokerEvents() = default;
  virtual void line_open() = 0;
  virtual void line_received(protocol::ByteView bytes) = 0;
  /// The network has taken everything.
  virtual void line_drained() = 0;
  /// Could not be opened, or is not there any more. Nothing else follows.
  virtual void line_ended(RequestState why) = 0;
};

/// Of all sessions since the start.
struct Counters {
  std::uint64_t open = 0;  ///< connected at this moment
  std::uint64_t connected = 0;
  std::uint64_t failed = 0;  ///< to connect
  std::uint64_t published = 0;
  std::uint64_t received = 0;  ///< for devices
  std::uint64_t lost = 0;
  std::uint64_t broken = 0;  ///< by too many messages
};

struct Limits {
  std::chrono::milliseconds connect_time{30'000};  ///< from the request to the broker's answer
  std::chrono::milliseconds linger_time{5'000};    ///< for publications, when the channel is gone
  std::chrono::milliseconds ping_time{10'000};     ///< for the answer to a ping, at least
  std::size_t requests = 32;                       ///< of the device, without an answer
  std::size_t request_bytes = 1024 * 1024;         ///< of what waits to be sent to the broker
  std::size_t unacknowledged = 128;                ///< messages of QoS 1 and 2
  std::size_t waiting_bytes = 1024 * 1024;         ///< of messages of QoS 1 and 2 for the device
  std::size_t fleeting_bytes = 64 * 1024;          ///< with more than that waiting, those of QoS 0 are lost
  std::size_t lost_notices = 64;                   ///< that wait
  std::size_t packet_bytes = 256 * 1024;           ///< of a broker's packet that is kept
};

class Session;

/// What a session wants of the service.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  /// Begins to connect. The error is the answer to the device's request.
  virtual tl::expected<std::unique_ptr<BrokerLine>, RequestState> dial(const ChannelOwner& owner,
                                                                       const BrokerAddress& address,
                                                                       BrokerEvents& events) = 0;
  /// What is remembered; another session that has it has been told to let go.
  virtual std::shared_ptr<Memory> remember(Session& session, const MemoryKey& key) = 0;
  [[nodiscard]] virtual Moment now() const = 0;
};

class Session final : public BrokerEvents {
 public:
  /// `channel` is there until channel_gone(); host and counters outlive this.
  Session(Channel& channel, SessionHost& host, Counters& counters, const Limits& limits);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The channel's side.
  [[nodiscard]] bool received(channel::Kind kind, protocol::ByteView message);
  void drained() { pump(); }
  void channel_gone();

  /// To be called about four times a second.
  void tick();
  /// Another connection has the broker's session from now on.
  void taken_over();
  /// There is neither a channel nor a connection any more.
  [[nodiscard]] bool over() const { return channel_ == nullptr && !line_; }
  [[nodiscard]] const std::shared_ptr<Memory>& memory() const { return memory_; }

  void line_open() override;
  void line_received(protocol::ByteView bytes) override;
  void line_drained() override;
  void line_ended(RequestState why) override;

 private:
  enum class State : std::uint8_t {
    New,         // nothing was asked for
    Connecting,  // until the broker's answer
    Connected,
    Leaving,  // the device wants to disconnect; what it asked for before is awaited
    Ended,
  };
  struct Request {
    channel::Kind kind{};
    protocol::Bytes message;
  };
  /// Sent to the broker and not answered yet.
  struct Outstanding {
    channel::Kind answer{};
    std::uint32_t correlation_id = 0;
    std::size_t topics = 0;
  };
  struct ForDevice {
    channel::Kind kind{};
    std::unique_ptr<google::protobuf::MessageLite> message;
    std::size_t size = 0;  // with its header
  };

  // Requests of the device (mqtt_session_requests.cpp).
  bool connect(protocol::ByteView message);
  void begin(const ConnectRequest& request);
  bool perform(channel::Kind kind, protocol::ByteView message);
  bool subscribe(protocol::ByteView message);
  /// What both have in common: `read(message)` may find that it is no request.
  template <typename Message>
  bool ask_about_topics(protocol::ByteView bytes, channel::Kind answer_kind, auto read, auto write);
  bool unsubscribe(protocol::ByteView message);
  bool publish(protocol::ByteView message);
  void publish_now(const PublishRequest& request);
  void publish_waiting();
  [[nodiscard]] std::uint8_t refusal_of(const Publication& publication) const;
  [[nodiscard]] std::size_t unconfirmed() const;
  void acknowledge(std::uint32_t correlation_id);
  void leave();
  void await(std::uint16_t id, Outstanding request) { outstanding_[id] = request; }
  std::uint16_t new_id();
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  void answer(channel::Kind kind, std::uint32_t correlation_id, RequestState state, const std::string& codes);
  void answer_rest();

  // Packets of the broker (mqtt_session_packets.cpp).
  void handle(Packet& packet);
  void handle_connect_answer(const Packet& packet);
  void session_resumed();
  void handle_publish(Packet& packet);
  void handle_publish_received(const Packet& packet);
  void handle_publish_released(const Packet& packet);
  void handle_published(const Packet& packet);
  void handle_topics_answer(const Packet& packet, channel::Kind kind);
  void confirm(std::uint16_t id, Memory::Arrived& arrived);
  void for_device(Packet& packet, std::uint32_t correlation_id);
  void lose(const Packet& packet, std::size_t length);

  // Both (mqtt_session.cpp).
  void send(std::string bytes);
  void queue(channel::Kind kind, std::unique_ptr<google::protobuf::MessageLite> message);
  void pump();
  void connect_failed(RequestState state, std::uint8_t code);
  void protocol_error(std::uint8_t code);
  void break_circuit(std::uint8_t code);
  void end(RequestState state, std::uint8_t code, bool with_what_waits);
  void close_line();
  void check_keep_alive(Moment now);
  void settle();
  [[nodiscard]] bool has_line() const { return state_ == State::Connected || state_ == State::Leaving; }
  [[nodiscard]] bool all_answered() const;

  Channel* channel_;
  SessionHost& host_;
  Counters& counters_;
  Limits limits_;
  State state_ = State::New;
  std::unique_ptr<BrokerLine> line_;
  std::shared_ptr<Memory> memory_;
  ConnectRequest request_;
  PacketReader reader_{Version::V3_1_1, 0};
  Packet connected_;  // the broker's answer: its limits

  std::deque<Request> behind_connect_;
  std::map<std::uint16_t, Outstanding> outstanding_;  // by packet identifier
  std::deque<PublishRequest> waiting_publications_;   // for the broker to take more
  std::size_t waiting_publication_bytes_ = 0;
  std::vector<std::uint32_t> sent_unconfirmed_;  // publications of QoS 0 that the network has to take
  bool disconnect_asked_ = false;

  std::deque<ForDevice> for_device_;
  std::size_t for_device_bytes_ = 0;
  std::size_t lost_notices_ = 0;
  bool closes_when_pumped_ = false;

  Moment since_{};  // of the state
  Moment last_sent_{};
  Moment last_heard_{};
  Moment pinged_{};
  bool ping_sent_ = false;
  std::chrono::seconds keep_alive_{0};
};

}  // namespace microvisor::cloud::mqtt
