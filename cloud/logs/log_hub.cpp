// Readers are held weakly: a reader that its connection has dropped disappears at the next record.
#include "cloud/logs/log_hub.hpp"

#include <algorithm>

namespace microvisor::cloud {

std::optional<LogRecord> LogReader::next() {
  if (queue_.empty()) return std::nullopt;
  if (lost_ > 0) {
    LogRecord note = queue_.front();
    note.type = log_type::kEvent;
    note.message = std::to_string(lost_) + " records not shown: the reader of this stream was too slow";
    lost_ = 0;
    return note;
  }
  LogRecord record = std::move(queue_.front());
  queue_.pop_front();
  return record;
}

void LogReader::push(const LogRecord& record) {
  if (queue_.size() == kLogQueueRecords) {
    queue_.pop_front();
    ++lost_;
  }
  queue_.push_back(record);
  if (wake_) wake_();
}

void LogHub::publish(const LogRecord& record) {
  Topic& topic = topics_[record.device_sid];
  if (topic.ring.size() == kLogRingRecords) topic.ring.pop_front();
  topic.ring.push_back(record);
  std::erase_if(topic.readers, [](const std::weak_ptr<LogReader>& reader) { return reader.expired(); });
  for (const auto& weak : topic.readers) {
    if (const auto reader = weak.lock()) reader->push(record);
  }
}

std::shared_ptr<LogReader> LogHub::subscribe(const std::string& device_sid, std::size_t replay,
                                             std::function<void()> wake) {
  const auto reader = std::make_shared<LogReader>();
  Topic& topic = topics_[device_sid];
  const std::size_t count = std::min(replay, topic.ring.size());
  std::copy(topic.ring.end() - static_cast<std::ptrdiff_t>(count), topic.ring.end(),
            std::back_inserter(reader->queue_));
  reader->wake_ = std::move(wake);
  topic.readers.push_back(reader);
  return reader;
}

void LogHub::close() {
  for (auto& [sid, topic] : topics_) {
    for (const auto& weak : topic.readers) {
      const auto reader = weak.lock();
      if (!reader) continue;
      reader->closed_ = true;
      if (reader->wake_) reader->wake_();
    }
    topic.readers.clear();
  }
}

}  // namespace microvisor::cloud
