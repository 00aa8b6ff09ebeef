// Text lines out of a byte stream that comes in arbitrary pieces.
//
// A line ends at LF; a CR before it goes. A line that grows beyond the limit is cut there, so that nobody can
// make the cloud remember without end.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace microvisor::cloud {

class LineJoiner {
 public:
  using Sink = std::function<void(std::string)>;
  LineJoiner(std::size_t limit, Sink sink) : limit_(limit), sink_(std::move(sink)) {}

  void feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        flush_line();
      } else {
        line_ += c;
        if (line_.size() >= limit_) flush_line();
      }
    }
  }
  /// Passes on what has no line end yet.
  void finish() {
    if (!line_.empty()) flush_line();
  }

 private:
  void flush_line() {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    std::string line;
    line.swap(line_);
    sink_(std::move(line));
  }

  std::size_t limit_;
  Sink sink_;
  std::string line_;
};

}  // namespace microvisor::cloud
