#include "cli/status_line.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(250);

const char* activity(const DeviceStatus& device) {
  switch (device.core) {
    case DeviceStatus::Core::Running: return "running";
    case DeviceStatus::Core::Asleep: return "asleep";
    case DeviceStatus::Core::DeepSleep: return "deep sleep";
    case DeviceStatus::Core::Halted: return "halted";
    case DeviceStatus::Core::LockedUp: return "locked up";
  }
  return "";
}

std::string rate_text(double per_second) {
  if (per_second >= 1e8) return fmt::format("{:.0f} M/s", per_second / 1e6);
  if (per_second >= 1e6) return fmt::format("{:.1f} M/s", per_second / 1e6);
  return fmt::format("{:.0f} k/s", per_second / 1e3);
}

std::string network_text(const DeviceStatus& device) {
  const std::string packets = fmt::format(" {}/{}", device.packets_sent, device.packets_received);
  return device.modem + (device.packets_sent + device.packets_received == 0 ? "" : packets);
}

}  // namespace

std::string status_text(const StatusSample& now, const StatusSample& before) {
  const double wall = now.wall_seconds - before.wall_seconds;
  const double board = now.device.virtual_seconds - before.device.virtual_seconds;
  const auto instructions = static_cast<double>(now.device.instructions - before.device.instructions);
  const double speed = wall > 0 ? board / wall : 0;
  const double rate = wall > 0 ? instructions / wall : 0;
  std::string text = fmt::format("{:<10} {:>8.1f} s  {:>5.2f}x  {:>9}  {:<10}  {}", activity(now.device),
                                 now.device.virtual_seconds, speed, rate_text(rate),
                                 now.device.secure ? "secure" : "non-secure", network_text(now.device));
  if (now.device.resets != 0) {
    text += fmt::format("  {} reset{}", now.device.resets, now.device.resets == 1 ? "" : "s");
  }
  if (now.debugger) text += "  gdb";
  return text;
}

StatusLine::StatusLine(VirtualDevice& device, std::function<bool()> debugger_attached)
    : device_(device), debugger_attached_(std::move(debugger_attached)) {
  if (isatty(STDERR_FILENO) != 1) return;
  thread_ = std::thread([this] { tick(); });
}

StatusLine::~StatusLine() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_signal_.notify_all();
  thread_.join();
  set_status_line({});
}

void StatusLine::tick() {
  std::unique_lock lock(mutex_);
  while (!ended_signal_.wait_for(lock, kPeriod, [this] { return ended_; })) {
    device_.post([this] { draw(); });
  }
}

void StatusLine::draw() {
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started_;
  const StatusSample now{
      .device = device_.status(), .wall_seconds = wall.count(), .debugger = debugger_attached_()};
  set_status_line(status_text(now, before_));
  before_ = now;
}

}  // namespace microvisor::cli
