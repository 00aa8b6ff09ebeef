#include "cli/tty_line.hpp"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

constexpr std::size_t kLongestLine = 8192;  // of what a device says; more is noise

[[noreturn]] void fail(const std::string& path) { throw Failure(path + ": " + std::strerror(errno)); }

void make_raw(int descriptor, const std::string& path, unsigned rate, bool flow_control) {
  termios settings{};
  if (tcgetattr(descriptor, &settings) != 0) fail(path);
  cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  if (flow_control) settings.c_cflag |= CRTSCTS;
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = 0;
  if (cfsetspeed(&settings, rate) != 0 || tcsetattr(descriptor, TCSAFLUSH, &settings) != 0) fail(path);
}

}  // namespace

int open_serial_port(const std::string& path, unsigned rate, bool flow_control) {
  const int descriptor = open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  try {
    make_raw(descriptor, path, rate, flow_control);
  } catch (...) {
    close(descriptor);
    throw;
  }
  return descriptor;
}

TtyLine::TtyLine(const std::string& path)
    : path_(path), descriptor_(open_serial_port(path, B115200, false)) {}

TtyLine::~TtyLine() { close(descriptor_); }

void TtyLine::send(const std::string& line) {
  const std::string bytes = line + "\n";
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = write(descriptor_, bytes.data() + at, bytes.size() - at);
    if (count < 0 && errno != EINTR) fail(path_);
    if (count > 0) at += static_cast<std::size_t>(count);
  }
}

std::optional<std::string> TtyLine::receive() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(2);
  for (;;) {
    if (const std::size_t length = received_.find('\n'); length != std::string::npos) {
      std::string line = received_.substr(0, length);
      received_.erase(0, length + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (received_.size() > kLongestLine) received_.clear();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd wanted{descriptor_, POLLIN, 0};
    if (poll(&wanted, 1, static_cast<int>(left)) <= 0) continue;
    char bytes[256];
    const ssize_t count = read(descriptor_, bytes, sizeof bytes);
    if (count < 0 && errno != EINTR) fail(path_);
    if (count == 0) throw Failure(path_ + ": the line has been closed");
    if (count > 0) received_.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace microvisor::cli
