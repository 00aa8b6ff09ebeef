// Commands and answers are those of V.250 and 3GPP TS 27.007.
#include "cli/line_call.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/tty_line.hpp"
#include "protocol/link/frame_codec.hpp"

namespace microvisor::cli {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// Longer than a device without a network waits between two calls, with its search for a module.
constexpr auto kCallTime = 100s;
constexpr auto kHintTime = 4s;
constexpr auto kRingTime = 1s;
constexpr auto kStuck = 5s;
constexpr std::size_t kLongestCommand = 256;

/// What a module with SIM and network says; ATD has an answer of its own.
std::string_view answer_to(std::string_view command) {
  if (command == "AT+CPIN?") return "\r\n+CPIN: READY\r\n\r\nOK\r\n";
  if (command == "AT+CEREG?") return "\r\n+CEREG: 0,1\r\n\r\nOK\r\n";
  return "\r\nOK\r\n";
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

LineCall::LineCall(const std::string& path) : path_(path), line_(open_serial_port(path, B921600, true)) {
  try {
    if (flock(line_, LOCK_EX | LOCK_NB) != 0) throw Failure(path + " is used by another session");
    if (fcntl(line_, F_SETFL, O_NONBLOCK) != 0) throw Failure(path + ": " + std::strerror(errno));
    tcflush(line_, TCIFLUSH);
  } catch (...) {
    close(line_);
    throw;
  }
}

LineCall::~LineCall() { close(line_); }

void LineCall::end(std::string why) {
  if (!ended_) why_ = std::move(why);
  ended_ = true;
}

/// What another session may have left half said is ended first: see LINK.md. A device that goes over its
/// other line is rung.
void LineCall::wait(std::string_view connect, const std::function<bool()>& keep_going) {
  std::vector<std::uint8_t> zeros(protocol::kMaxFrameBytes + 2);
  zeros.push_back('\r');
  write(zeros);
  const auto start = Clock::now();
  auto rings = start + kRingTime;
  bool hinted = false;
  while (!take_commands(connect)) {
    if (!keep_going()) throw Failure("interrupted");
    if (ended_) throw Failure(why_);
    if (Clock::now() - start > kCallTime) throw Failure("no device calls on " + path_);
    if (!hinted && Clock::now() - start > kHintTime) {
      note("waiting for the device to call on " + path_ + "; after a reset it does so at once");
      hinted = true;
    }
    if (Clock::now() > rings) {
      write(bytes_of("\r\nRING\r\n"));
      rings = Clock::now() + kRingTime;
    }
    read(100ms);
  }
  if (ended_) throw Failure(why_);
}

/// True: the device has called, and been answered.
bool LineCall::take_commands(std::string_view connect) {
  for (auto end = std::find(read_.begin(), read_.end(), '\r'); end != read_.end();
       end = std::find(read_.begin(), read_.end(), '\r')) {
    const std::string line(read_.begin(), end);
    read_.erase(read_.begin(), end + 1);
    const auto command = line.find("AT");  // behind noise, or the end of an earlier call
    if (command == std::string::npos) continue;
    if (line.find("ATD", command) == command) {
      write(bytes_of("\r\n" + std::string(connect) + "\r"));
      return true;
    }
    write(bytes_of(answer_to(std::string_view(line).substr(command))));
  }
  if (read_.size() > kLongestCommand) read_.clear();
  return false;
}

void LineCall::read(std::chrono::milliseconds wait) {
  pollfd wanted{line_, POLLIN, 0};
  if (::poll(&wanted, 1, static_cast<int>(wait.count())) <= 0) return;
  std::array<std::uint8_t, 4096> bytes{};
  const ssize_t count = ::read(line_, bytes.data(), bytes.size());
  if (count > 0) read_.insert(read_.end(), bytes.begin(), bytes.begin() + count);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) end(path_ + ": the line is gone");
}

/// The device holds the line back for moments only.
void LineCall::write(std::span<const std::uint8_t> bytes) {
  auto until = Clock::now() + kStuck;
  while (!bytes.empty() && !ended_) {
    const ssize_t count = ::write(line_, bytes.data(), bytes.size());
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      until = Clock::now() + kStuck;
    } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
      end(path_ + ": " + std::strerror(errno));
    } else if (Clock::now() > until) {
      end(path_ + " takes nothing (are RTS and CTS connected?)");
    } else {
      pollfd wanted{line_, POLLOUT, 0};
      ::poll(&wanted, 1, 100);
    }
  }
}

}  // namespace microvisor::cli
