// Live log streams: records from the bus to whoever reads a device's log at this moment.
//
// Nothing waits for a reader. Each has a bounded queue; when it is full the oldest records go, and the reader
// is told how many. The last records of each device are kept for readers that ask for them. Lives on the
// service thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cloud/logs/log_record.hpp"

namespace microvisor::cloud {

inline constexpr std::size_t kLogQueueRecords = 2000;  ///< of one reader
inline constexpr std::size_t kLogRingRecords = 200;    ///< of one device

class LogReader {
 public:
  /// The oldest record not read yet.
  std::optional<LogRecord> next();
  /// The hub is gone, or the server stops.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  friend class LogHub;
  void push(const LogRecord& record);

  std::deque<LogRecord> queue_;
  std::size_t lost_ = 0;
  bool closed_ = false;
  std::function<void()> wake_;
};

class LogHub {
 public:
  ~LogHub() { close(); }
  void publish(const LogRecord& record);
  /// From now on; the last `replay` records first. `wake` is called when there is something to read or the
  /// reader has been closed. The stream ends when the caller drops the reader.
  std::shared_ptr<LogReader> subscribe(const std::string& device_sid, std::size_t replay,
                                       std::function<void()> wake);
  void close();

 private:
  struct Topic {
    std::deque<LogRecord> ring;
    std::vector<std::weak_ptr<LogReader>> readers;
  };
  std::unordered_map<std::string, Topic> topics_;
};

}  // namespace microvisor::cloud
