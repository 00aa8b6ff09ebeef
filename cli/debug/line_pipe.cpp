// See line_pipe.hpp.
#include "cli/debug/line_pipe.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/tty_line.hpp"
#include "cloud/debug/relay.hpp"

namespace microvisor::cli::debug {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint32_t kStream = 2;
/// Less than a serial port's buffer on this machine: then nothing is lost if the line has no RTS and CTS.
constexpr std::uint32_t kWindow = 2048;
/// Longer than a device without a network waits between two calls, with its search for a module.
constexpr auto kCallTime = 100s;
constexpr auto kHintTime = 4s;
constexpr auto kStuck = 5s;
constexpr std::size_t kLongestCommand = 256;

/// What a module with SIM and network says (V.250, 3GPP TS 27.007). Behind the answer to the call come
/// frames.
std::string_view answer_to(std::string_view command) {
  if (command.starts_with("ATD")) return "\r\nCONNECT DEBUG\r";
  if (command == "AT+CPIN?") return "\r\n+CPIN: READY\r\n\r\nOK\r\n";
  if (command == "AT+CEREG?") return "\r\n+CEREG: 0,1\r\n\r\nOK\r\n";
  return "\r\nOK\r\n";
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

LinePipe::LinePipe(const std::string& path, const std::function<bool()>& keep_going)
    : path_(path), line_(open_serial_port(path, B921600, true)) {
  try {
    if (flock(line_, LOCK_EX | LOCK_NB) != 0) throw Failure(path + " is used by another session");
    if (fcntl(line_, F_SETFL, O_NONBLOCK) != 0) throw Failure(path + ": " + std::strerror(errno));
    tcflush(line_, TCIFLUSH);
    wait_for_call(keep_going);
    link::Frame open;
    open.set_stream(kStream);
    open.mutable_open()->set_service(link::SERVICE_DEBUG);
    open.mutable_open()->set_credit(kWindow);
    write_frame(open);
    if (ended_) throw Failure(why_);
  } catch (...) {
    close(line_);
    throw;
  }
}

LinePipe::~LinePipe() {
  link::Frame over;
  over.set_stream(kStream);
  over.mutable_close();
  write_frame(over);
  close(line_);
}

void LinePipe::end(std::string why) {
  if (!ended_) why_ = std::move(why);
  ended_ = true;
}

/// What another session may have left half said is ended first: see LINK.md.
void LinePipe::wait_for_call(const std::function<bool()>& keep_going) {
  Bytes zeros(protocol::kMaxFrameBytes + 2);
  zeros.push_back('\r');
  write_line(zeros);
  const auto start = Clock::now();
  bool hinted = false;
  while (!take_commands()) {
    if (!keep_going()) throw Failure("interrupted");
    if (ended_) throw Failure(why_);
    if (Clock::now() - start > kCallTime) throw Failure("no device calls on " + path_);
    if (!hinted && Clock::now() - start > kHintTime) {
      note("waiting for the device to call on " + path_ + "; after a reset it does so at once");
      hinted = true;
    }
    read_line(100ms);
  }
  take_frames();
}

/// True: the device has called, and been answered.
bool LinePipe::take_commands() {
  for (auto end = std::find(read_.begin(), read_.end(), '\r'); end != read_.end();
       end = std::find(read_.begin(), read_.end(), '\r')) {
    const std::string line(read_.begin(), end);
    read_.erase(read_.begin(), end + 1);
    const auto command = line.find("AT");  // behind noise, or the end of an earlier call
    if (command == std::string::npos) continue;
    write_line(bytes_of(answer_to(std::string_view(line).substr(command))));
    if (line.find("ATD", command) == command) return !ended_;
  }
  if (read_.size() > kLongestCommand) read_.clear();
  return false;
}

void LinePipe::read_line(std::chrono::milliseconds wait) {
  pollfd wanted{line_, POLLIN, 0};
  if (::poll(&wanted, 1, static_cast<int>(wait.count())) <= 0) return;
  std::array<std::uint8_t, 4096> bytes{};
  const ssize_t count = ::read(line_, bytes.data(), bytes.size());
  if (count > 0) read_.insert(read_.end(), bytes.begin(), bytes.begin() + count);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) end(path_ + ": the line is gone");
}

/// The device holds the line back for moments only.
void LinePipe::write_line(std::span<const std::uint8_t> bytes) {
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

void LinePipe::write_frame(const link::Frame& frame) {
  Bytes wire;
  if (!ended_ && protocol::append_frame(wire, frame)) write_line(wire);
}

void LinePipe::take_frames() {
  reader_.feed(read_);
  read_.clear();
  link::Frame frame;
  for (;;) {
    switch (reader_.next(frame)) {
      case protocol::FrameReader::Status::NeedMore: return;
      case protocol::FrameReader::Status::Frame: take_frame(frame); break;
      default: return end("the device has hung up: it was reset, or the line is disturbed");
    }
  }
}

void LinePipe::take_frame(const link::Frame& frame) {
  if (frame.stream() != kStream) return;
  if (frame.has_credit()) credit_ += frame.credit().bytes();
  if (frame.has_close())
    end(cloud::describe({.by = cloud::RelayEnd::By::Device, .error = frame.close().error()}));
  if (!frame.has_data()) return;
  received_.insert(received_.end(), frame.data().begin(), frame.data().end());
  link::Frame credit;
  credit.set_stream(kStream);
  credit.mutable_credit()->set_bytes(static_cast<std::uint32_t>(frame.data().size()));
  write_frame(credit);
}

void LinePipe::send_waiting() {
  while (!waiting_.empty() && credit_ != 0 && !ended_) {
    const std::size_t count =
        std::min<std::size_t>({waiting_.size(), credit_, protocol::kMaxStreamDataBytes});
    const auto last = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    link::Frame data;
    data.set_stream(kStream);
    data.set_data(std::string(waiting_.begin(), last));
    waiting_.erase(waiting_.begin(), last);
    credit_ -= count;
    write_frame(data);
  }
}

bool LinePipe::send(std::span<const std::uint8_t> bytes) {
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  send_waiting();
  return !ended_;
}

std::optional<Bytes> LinePipe::receive(std::chrono::milliseconds wait) {
  if (!ended_) {
    read_line(wait);
    take_frames();
    send_waiting();
  }
  if (ended_ && received_.empty()) return std::nullopt;
  return std::exchange(received_, {});
}

}  // namespace microvisor::cli::debug
