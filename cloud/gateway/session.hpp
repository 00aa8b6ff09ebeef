// One device's connection inside TLS: the frames of protocol/link.proto and the rules of protocol/LINK.md.
//
// Bytes in, bytes out, no sockets and no clock of its own, so that it serves a TCP connection and a board in
// the same process alike. What it wants of the rest of the cloud stands in SessionHost. Lives on the service
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cloud/channels/byte_stream.hpp"
#include "cloud/channels/channel.hpp"
#include "cloud/clock/clock.hpp"
#include "cloud/debug/relay.hpp"
#include "cloud/gateway/encodings.hpp"
#include "cloud/logs/line_joiner.hpp"
#include "protocol/bundle/bytes.hpp"
#include "protocol/link/frame_codec.hpp"

namespace microvisor::cloud {

class Session;

/// A manifest that the device is told to run.
struct NamedTarget {
  std::optional<protocol::Hash> hash;
  /// The operator has named it since the last connection: a device that failed at it before tries again.
  bool is_new = false;
};

struct DeviceSettings {
  bool logging_enabled = true;
  std::vector<std::uint32_t> endpoints{};  ///< hashes of their names (protocol/link/endpoint_name.hpp)
};

struct Greeting {
  DeviceSettings settings{};
  NamedTarget target{};
  NamedTarget kernel{};
  std::vector<protocol::Bytes> key_changes{};  ///< that the device has to take, in order
  std::optional<protocol::Hash> nonce{};       ///< for it to attest with
};

/// Why a device may not connect.
struct Refusal {
  std::string reason;
  std::uint32_t calm_seconds = 0;  ///< for which it is not to come back
};

class SessionHost {
 public:
  virtual ~SessionHost() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// The device has introduced itself. A refusal goes to it and ends the session.
  virtual tl::expected<Greeting, Refusal> greet(Session& session, const link::Hello& hello) = 0;
  /// An object of the device's account; null if there is none.
  virtual std::shared_ptr<const protocol::Bytes> object(const Session& session,
                                                        const protocol::Hash& hash) = 0;
  /// How `object` may travel to a device that has asked for it by `open`. Answers once, now or later on the
  /// service thread; null: as it is.
  virtual void encoding(const Session& session, const link::Open& open, const SharedBytes& object,
                        Encodings::Answer answer) = 0;
  /// So many bytes of an object, or of its encoding, are about to go out.
  virtual void object_sent(const Session& session, const protocol::Hash& object, std::size_t bytes) = 0;
  virtual void update_report(const Session& session, const link::UpdateReport& report) = 0;
  virtual void kernel_report(const Session& session, const link::UpdateReport& report) = 0;
  virtual void keys_report(const Session& session, const link::KeysReport& report) = 0;
  virtual void attestation(const Session& session, const link::Attestation& answer) = 0;
  virtual void device_event(const Session& session, const link::DeviceEvent& event) = 0;
  virtual void log_record(const Session& session, const link::LogRecord& record) = 0;
  /// A whole crash report, still encrypted. False: it could not be stored; the device keeps it.
  [[nodiscard]] virtual bool crash_report(const Session& session, const protocol::Bytes& report) = 0;
  /// A channel of the device's application for `service`. Null: nobody serves it.
  virtual std::unique_ptr<Channel> channel(const Session& session, link::Service service,
                                           std::size_t receive_buffer) = 0;
  /// An opaque channel to an endpoint of the account's. Else why not.
  virtual tl::expected<std::shared_ptr<ByteStream>, link::StreamError> byte_stream(
      const Session& session, const std::string& endpoint) = 0;
  /// A line from the opaque channel `log`.
  virtual void channel_line(const Session& session, std::string line) = 0;
};

struct SessionLimits {
  std::uint32_t keep_alive_seconds = 180;
  std::size_t streams = 16;                      ///< open at once
  std::size_t debug_streams = 4;                 ///< of these, opened by us
  std::uint32_t log_credit = 8192;               ///< bytes
  std::uint32_t channel_credit = 4096;           ///< of the channel `log`, bytes
  std::size_t log_record_bytes = 4096;           ///< of one record
  std::size_t line_bytes = 1024;                 ///< of a line on a channel
  std::uint32_t crash_report_bytes = 16 * 1024;  ///< of one report, and its credit
  std::size_t output_bytes = 16 * 1024;          ///< object data is not produced beyond this
  std::size_t backlog_bytes = 256 * 1024;        ///< a device that lets more pile up is dropped
  double control_frames_per_second = 500;
  double control_frames_burst = 2000;
};

class Session {
 public:
  /// `device_sid` is what the certificate says.
  Session(SessionHost& host, std::string device_sid, SessionLimits limits = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Bytes from the device.
  void receive(protocol::ByteView bytes);
  /// Appends what there is to send, object data included as far as credit goes.
  void take_output(protocol::Bytes& bytes);
  /// To be called about once a second: looks after silence.
  void tick();
  /// Nothing more will come; the connection is to be closed once the output is sent.
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool welcomed() const { return welcomed_; }
  [[nodiscard]] const std::string& device_sid() const { return device_sid_; }
  /// Why it ended; empty if the device closed in order.
  [[nodiscard]] const std::string& reason() const { return reason_; }

  void send_target(const protocol::Hash& manifest_hash);
  void send_kernel_target(const protocol::Hash& manifest_hash);
  void send_key_change(protocol::ByteView message);
  void send_settings(const DeviceSettings& settings);
  void send_restart_app();
  /// Whether the device takes debug sessions at all.
  [[nodiscard]] bool takes_debug() const { return takes_debug_; }
  /// Opens a stream for `relay`, which tells it when there is something to fetch from it. False: there are
  /// enough.
  [[nodiscard]] bool open_debug(std::shared_ptr<DebugRelay> relay);
  /// Debug sessions that are open at this moment.
  [[nodiscard]] std::vector<std::shared_ptr<const DebugRelay>> debug_relays() const;
  /// Ends all debug sessions and opaque channels. Also done by the destructor.
  void end_relays(RelayEnd::By by);
  /// Says Goodbye and finishes. `calm_seconds`: the device is not to come back earlier.
  void end(const std::string& reason, std::uint32_t calm_seconds = 0);
  /// Passes on what has arrived of unfinished lines. Also done by the destructor.
  void flush_lines();

 private:
  struct Stream;
  void handle(const link::Frame& frame);
  void handle_control(const link::Frame& frame);
  void handle_stream(const link::Frame& frame);
  void greet(const link::Hello& hello);
  void open_stream(std::uint32_t number, const link::Open& open);
  void open_fetch(Stream& stream, const link::Open& open);
  void open_channel(Stream& stream, const link::Open& open);
  void open_endpoint(Stream& stream, const std::string& name);
  void use_encoding(std::uint32_t number, const EncodingPtr& encoding);
  void stream_data(Stream& stream, std::uint32_t number, const std::string& data);
  void log_data(Stream& stream, std::uint32_t number, const std::string& data);
  void end_stream(Stream& stream, std::uint32_t number, link::StreamError error);
  void close_stream(std::uint32_t number, link::StreamError error);
  void grant(std::uint32_t number, std::uint32_t bytes);
  void give_back_credit();
  bool produce(std::uint32_t number, Stream& stream);
  void send_data(std::uint32_t number, Stream& stream, protocol::ByteView data);
  bool produce_object(std::uint32_t number, Stream& stream);
  bool produce_debug(std::uint32_t number, Stream& stream);
  bool produce_channel(std::uint32_t number, Stream& stream);
  bool produce_bytes(std::uint32_t number, Stream& stream);
  bool control_frame_allowed();
  void write(const link::Frame& frame);

  SessionHost& host_;
  std::string device_sid_;
  SessionLimits limits_;
  protocol::FrameReader reader_;
  protocol::Bytes output_;
  std::map<std::uint32_t, std::unique_ptr<Stream>> streams_;
  std::uint32_t last_opened_ = 0;    // by the device
  std::uint32_t last_offered_ = 0;   // by us
  std::uint32_t next_to_serve_ = 0;  // round robin among the fetches
  Timestamp last_heard_;
  Timestamp tokens_updated_;
  double tokens_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come when it is gone
  bool welcomed_ = false;
  bool takes_debug_ = false;
  bool finished_ = false;
  std::string reason_;
};

}  // namespace microvisor::cloud
