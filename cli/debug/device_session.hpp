// A debug session with a device: commands go out together, what it says comes back in order.
//
// Blocking, on one thread: that of the GDB server. Below it is a Pipe, which carries bytes and knows nothing.
// Exchanges are counted, because each costs a round trip to wherever the device is.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/debug/requester.hpp"

namespace microvisor::cli::debug {

namespace wire = protocol::debug;
using Bytes = std::vector<std::uint8_t>;

/// The stream to the device.
class Pipe {
 public:
  virtual ~Pipe() = default;
  /// False: the stream is gone.
  [[nodiscard]] virtual bool send(std::span<const std::uint8_t> bytes) = 0;
  /// What has come, empty when `wait` has passed without anything. Nothing: the stream is gone.
  [[nodiscard]] virtual std::optional<Bytes> receive(std::chrono::milliseconds wait) = 0;
  /// One line why it is gone.
  [[nodiscard]] virtual std::string why() const = 0;
  /// Becomes readable when receive() has something to tell.
  [[nodiscard]] virtual int descriptor() const = 0;
};

/// A command together with the bytes it points to.
struct OwnedCommand {
  wire::Command command;
  Bytes data;
};

struct OwnedAnswer {
  wire::Answer answer;
  Bytes data;
};

struct OwnedStop {
  wire::Stopped stop;
  Bytes stack;
  Bytes code;
};

/// What the device has said without anybody waiting for it.
struct News {
  wire::ItemKind kind{};
  OwnedStop stop;                ///< Stopped
  std::uint8_t wake_reason = 0;  ///< Restarted
  wire::EndReason end{};         ///< Ended
  std::uint64_t answered = 0;    ///< of our messages, before it was said
  wire::Answer failure;          ///< Answer: of a command that was posted and could not be done
};

struct LinkStatistics {
  std::uint64_t exchanges = 0;  ///< waits for an answer or a stop
  std::uint64_t messages_sent = 0, messages_received = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;
};

class DeviceSession {
 public:
  /// All of it lives as long as this.
  DeviceSession(Pipe& pipe, wire::Crypto& crypto, const wire::StaticKeys& keys,
                const wire::Prologue& prologue);

  /// Waiting ends, and the session with it, when this says no more. Asked several times a second.
  void wait_while(std::function<bool()> wanted) { wanted_ = std::move(wanted); }

  /// Proves both sides to each other. The error is one line.
  [[nodiscard]] tl::expected<void, std::string> begin();

  /// Sends commands in as few messages as they fit. Nobody waits for the answers; one that says that a
  /// command could not be done becomes news.
  [[nodiscard]] bool post(const std::vector<OwnedCommand>& commands);
  /// The same for commands that something will come of later: counts as an exchange.
  [[nodiscard]] bool post_and_expect_news(const std::vector<OwnedCommand>& commands);
  /// The same, and waits for the answers: fewer than commands if one has failed, which is then the last.
  /// Nothing: the session is over.
  [[nodiscard]] std::optional<std::vector<OwnedAnswer>> exchange(const std::vector<OwnedCommand>& commands);
  /// The oldest news. Waits for some, at most so long.
  [[nodiscard]] std::optional<News> take_news(std::chrono::milliseconds wait);
  /// Messages that have been sent. What the device says before it has answered the last of them, it has said
  /// without knowing of it (News::answered).
  [[nodiscard]] std::uint64_t posted() const { return posted_; }
  /// Tells the device that somebody is there, when it is time; one that leaves a message unanswered has gone.
  void keep_alive();

  [[nodiscard]] bool over() const { return over_; }
  /// One line; what was wrong.
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] const LinkStatistics& statistics() const { return statistics_; }
  /// Takes in what has come. Waits at most so long for the first byte.
  void listen(std::chrono::milliseconds wait);

 private:
  void end(std::string why);
  void wait_until(std::chrono::steady_clock::time_point end_of_patience);
  [[nodiscard]] bool flush();
  [[nodiscard]] bool send_message(std::span<const std::uint8_t> message);
  void read_message(std::span<const std::uint8_t> message);
  void take_answers(std::vector<OwnedAnswer> answers);

  Pipe& pipe_;
  wire::Requester requester_;
  std::function<bool()> wanted_;
  std::vector<OwnedAnswer> answers_;  // of the exchange at hand
  std::deque<News> news_;
  std::uint64_t posted_ = 0;    // messages with commands
  std::size_t unanswered_ = 0;  // of these
  std::size_t unwanted_ = 0;    // of these the first, whose answers nobody waits for
  std::chrono::steady_clock::time_point sent_at_{};
  std::chrono::steady_clock::time_point asked_at_{};  // of the oldest unanswered one, or the last answer
  LinkStatistics statistics_;
  bool over_ = false;
  std::string why_;
};

}  // namespace microvisor::cli::debug
