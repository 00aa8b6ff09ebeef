// Whose request begins next: limits of concurrency and rate, the same for every device.
//
// A request beyond a limit waits; it is not refused, for its timeout passes anyhow. Devices take turns, so
// that one that asks for much delays itself and nobody else: whoever was served goes to the end of the line.
// A device's rate is a bucket of tokens. Pure logic, without a clock; of the relay's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace microvisor::cloud {

struct HttpLimits {
  std::size_t running = 128;                 ///< requests under way
  std::size_t running_of_device = 4;         ///< of these, of one device
  std::size_t waiting = 512;                 ///< for their turn; more are refused
  std::size_t waiting_of_device = 16;        ///< of one device; more are refused
  double per_second_of_device = 20;          ///< requests begun, in the long run
  double burst_of_device = 100;              ///< and at once, after a rest
  std::chrono::milliseconds longest{10000};  ///< of one request, whatever the application asks for
  unsigned redirects = 5;                    ///< followed by one request
  std::size_t response_bytes = 1 << 20;      ///< of one response, whatever buffer the device says it has
};

class HttpTurns {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  explicit HttpTurns(const HttpLimits& limits) : limits_(limits) {}

  /// Puts a request into the line. False: too many wait there.
  [[nodiscard]] bool enter(std::uint64_t request, const std::string& device, Moment now);
  /// The request that may begin now, which from now on is under way.
  [[nodiscard]] std::optional<std::uint64_t> next(Moment now);
  /// It is over, or is not wanted any more.
  void leave(std::uint64_t request);
  /// When next() is to be asked again although nobody has come or gone; empty: there is no such moment.
  [[nodiscard]] std::optional<Moment> next_moment() const;

 private:
  struct Device {
    std::deque<std::uint64_t> waiting;
    std::size_t running = 0;
    double tokens = 0;
    Moment refilled;
  };
  struct Request {
    std::string device;
    bool running = false;
  };
  void refill(Device& device, Moment now) const;
  void forget_idle_devices(Moment now);

  HttpLimits limits_;
  std::unordered_map<std::string, Device> devices_;
  std::unordered_map<std::uint64_t, Request> requests_;
  std::list<std::string> line_;  // devices with requests that wait
  std::size_t running_ = 0;
  std::size_t forget_at_ = 64;  // so many devices
};

}  // namespace microvisor::cloud
