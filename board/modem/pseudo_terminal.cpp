// See pseudo_terminal.hpp.
#include "board/modem/pseudo_terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace microvisor::board {
namespace {

/// Pace while the chip's port is switched off.
constexpr Time kOwnFrameTime = 10 * kTicksPerSecond / 921'600;
/// What waits here for the chip; more stays with the host, which holds off who writes.
constexpr std::size_t kAhead = 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string("pseudo-terminal: ") + what);
}

/// Bytes as they are, without echo.
void make_raw(int terminal) {
  termios settings{};
  if (tcgetattr(terminal, &settings) != 0) fail("settings");
  cfmakeraw(&settings);
  if (tcsetattr(terminal, TCSANOW, &settings) != 0) fail("settings");
}

}  // namespace

PseudoTerminal::PseudoTerminal(Scheduler& scheduler, SerialPort& port)
    : port_(port), byte_event_(scheduler, [this] { pump(); }) {
  master_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  std::array<char, 64> name{};
  if (master_ < 0 || grantpt(master_) != 0 || unlockpt(master_) != 0 ||
      ptsname_r(master_, name.data(), name.size()) != 0)
    fail("none to be had");
  path_ = name.data();
  slave_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave_ < 0) fail("cannot be opened");
  make_raw(slave_);
  wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  port_.connect(this);
  port_.set_device_ready(true);
}

PseudoTerminal::~PseudoTerminal() {
  port_.connect(nullptr);
  for (const int descriptor : {wake_, slave_, master_}) close(descriptor);
}

/// One byte, then the next a frame time later; a byte under way when RTS falls still arrives.
void PseudoTerminal::pump() {
  if (to_chip_.empty() || !port_.chip_ready()) return;
  const std::uint8_t byte = to_chip_.front();
  to_chip_.pop_front();
  port_.byte_to_chip(byte);
  const Time frame = port_.frame_time();
  byte_event_.after(frame != 0 ? frame : kOwnFrameTime);
}

void PseudoTerminal::chip_ready_changed(bool ready) {
  if (ready && !byte_event_.armed()) byte_event_.after(kOwnFrameTime);
}

void PseudoTerminal::write_out() {
  if (!from_chip_.empty()) [[maybe_unused]]
    const auto written = write(master_, from_chip_.data(), from_chip_.size());
  from_chip_.clear();
}

bool PseudoTerminal::poll(std::chrono::microseconds timeout) {
  write_out();
  const bool room = to_chip_.size() < kAhead;
  std::array<pollfd, 2> wanted{{{wake_, POLLIN, 0}, {room ? master_ : -1, POLLIN, 0}}};
  const timespec wait{timeout.count() / 1'000'000, timeout.count() % 1'000'000 * 1000};
  if (ppoll(wanted.data(), wanted.size(), &wait, nullptr) <= 0) return false;
  std::uint64_t count = 0;
  if (wanted[0].revents != 0) [[maybe_unused]]
    const auto drained = read(wake_, &count, sizeof count);
  if (wanted[1].revents == 0) return false;
  std::array<std::uint8_t, kAhead> bytes{};
  const ssize_t size = read(master_, bytes.data(), bytes.size());
  if (size <= 0) return false;
  to_chip_.insert(to_chip_.end(), bytes.begin(), bytes.begin() + size);
  if (!byte_event_.armed()) pump();
  return true;
}

void PseudoTerminal::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

}  // namespace microvisor::board
