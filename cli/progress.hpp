// A progress bar on stderr for what takes longer than a second, and nothing where stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace microvisor::cli {

class Progress {
 public:
  /// `what` stands in front of the bar, for example "uploading".
  explicit Progress(std::string what);
  /// Erases the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws at most ten times a second, first after one second. `total` 0: unknown, a running mark is shown.
  void update(std::size_t done, std::size_t total);
  /// Replaces the words in front of the bar.
  void stage(std::string what) { what_ = std::move(what); }

 private:
  void draw(std::size_t done, std::size_t total);

  std::string what_;
  std::chrono::steady_clock::time_point next_draw_;
  bool terminal_;
  bool drawn_ = false;
  unsigned turns_ = 0;
};

}  // namespace microvisor::cli
