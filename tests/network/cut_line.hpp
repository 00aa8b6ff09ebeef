// A line between devices and the gateway that can be cut: TCP connections on loopback are passed on as they
// are, counted, and broken off by resets of both ends when the test says so.
//
// Its threads belong to it and end with it: one for those who come, two for each that has come.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

namespace microvisor::test {

class CutLine {
 public:
  CutLine();
  ~CutLine();
  CutLine(const CutLine&) = delete;
  CutLine& operator=(const CutLine&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Where connections lead from now on.
  void lead_to(std::uint16_t port) { target_ = port; }
  /// Connections that the gateway has not ended.
  [[nodiscard]] int standing() const { return standing_; }
  /// Bytes of all connections at their near end, both ways, with 40 of headers for each segment.
  [[nodiscard]] std::uint64_t carried();
  /// Breaks off all that stand.
  void cut();

 private:
  struct Pair {
    int near = -1, far = -1;
    std::thread up, down;
    std::atomic<int> running{0};
    std::atomic<bool> cut{false};
  };
  void accept_all();
  void pass_on(Pair& pair, int from, int to);
  void forget_dead();

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint16_t> target_{0};
  std::atomic<bool> stop_{false};
  std::atomic<int> standing_{0};
  std::mutex mutex_;
  std::uint64_t carried_ = 0;  // by those that are gone
  std::list<Pair> pairs_;
  std::thread accepting_;
};

}  // namespace microvisor::test
