// Drawn over itself with carriage return and erase-in-line (ECMA-48).
#include "cli/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace microvisor::cli {
namespace {
constexpr std::size_t kBarWidth = 30;
}

Progress::Progress(std::string what)
    : what_(std::move(what)),
      next_draw_(std::chrono::steady_clock::now() + std::chrono::seconds(1)),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void Progress::update(std::size_t done, std::size_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_draw_) return;
  next_draw_ = now + std::chrono::milliseconds(100);
  drawn_ = true;
  draw(done, total);
}

void Progress::draw(std::size_t done, std::size_t total) {
  if (total == 0) {
    static constexpr char kMarks[] = {'-', '\\', '|', '/'};
    fmt::print(stderr, "\r\033[K{} {}", what_, kMarks[turns_++ % sizeof kMarks]);
  } else {
    const std::size_t filled = kBarWidth * done / total;
    fmt::print(stderr, "\r\033[K{} [{}{}] {:3}%", what_, std::string(filled, '#'),
               std::string(kBarWidth - filled, '.'), 100 * done / total);
  }
  std::fflush(stderr);
}

}  // namespace microvisor::cli
