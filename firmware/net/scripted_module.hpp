// A module for tests of what talks to one by AT commands: it answers line by line as the test says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

/// A module as a table of answers. Time passes only while the dialler waits.
class ScriptedModule final : public Platform {
 public:
  /// Called with each command line (without its end); returns what the module says.
  std::function<std::string(const std::string&)> answer;
  std::vector<std::string> commands;
  bool takes_bytes = true;

  void say(const std::string& text) { output_.insert(output_.end(), text.begin(), text.end()); }

  std::uint64_t now() override { return now_; }
  void wait(std::uint64_t moment) override {
    if (output_.empty())
      now_ = std::max(now_ + 1, moment);
    else
      now_ += 10;
  }
  std::size_t serial_read(std::span<std::uint8_t> into) override {
    std::size_t count = 0;
    for (; count < into.size() && !output_.empty(); ++count) {
      into[count] = static_cast<std::uint8_t>(output_.front());
      output_.pop_front();
    }
    return count;
  }
  std::size_t serial_write(std::span<const std::uint8_t> bytes) override {
    if (!takes_bytes) return 0;
    for (const std::uint8_t byte : bytes) {
      if (byte == '\n') continue;  // where lines end with both
      if (byte != '\r') {
        line_ += static_cast<char>(byte);
        continue;
      }
      const std::string line = std::exchange(line_, {});
      if (line.rfind("AT", 0) == 0) commands.push_back(line);
      say(answer(line));
    }
    return bytes.size();
  }
  [[nodiscard]] const std::string& unfinished() const { return line_; }
  void forget_line() { line_.clear(); }

 private:
  std::uint64_t now_ = 0;
  std::deque<char> output_;
  std::string line_;
};

}  // namespace microvisor::firmware::net
