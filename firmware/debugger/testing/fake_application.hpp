// An application for tests of what drives one: 512 KiB of RAM, and stops when it is told to.
#pragma once

#include <algorithm>
#include <vector>

#include "firmware/debugger/application.hpp"

namespace microvisor::firmware::debugger::testing {

/// An application that is halted as soon as it runs, one instruction of two bytes further.
class FakeApplication final : public Application {
 public:
  static constexpr std::uint32_t kRam = 0x2000'0000, kFlash = 0x0800'0000;
  std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(0x8'0000);
  std::vector<std::uint8_t> flash = std::vector<std::uint8_t>(0x2000);
  std::vector<std::uint32_t> breakpoints;
  std::vector<wire::Watchpoint> watchpoints;
  wire::Registers registers{};
  bool attached = false;
  bool runs_on = false;  // does not halt by itself
  bool has_watchpoints = true;
  RunState run_state = RunState::Runs;
  StopNote stop;
  std::uint32_t reads = 0;
  std::uint32_t start_count = 0;

  FakeApplication() {
    registers[13] = kRam + 0x1'0000;
    registers[15] = 0x0800'0400;
  }
  void stop_for(wire::StopReason reason) {
    run_state = RunState::Halted;
    stop.reason = reason;
    ++stop.number;
  }

  void attach() override { attached = true; }
  void detach() override {
    attached = false;
    run_state = RunState::Runs;
  }
  void look_after() override {}
  RunState state() override { return run_state; }
  StopNote last_stop() override { return stop; }
  std::uint32_t starts() override { return start_count; }
  std::uint8_t wake_reason() override { return 0; }
  std::uint32_t kernel_version_number() override { return 1; }
  bool read_registers(wire::Registers& to) override {
    to = registers;
    return true;
  }
  bool write_register(std::uint8_t number, std::uint32_t value) override {
    registers[number] = value;
    return true;
  }
  Access read_memory(std::uint32_t address, std::span<std::uint8_t> to, std::uint8_t) override {
    ++reads;
    if (readable(address, static_cast<std::uint32_t>(to.size())) != to.size()) return Access::Refused;
    const bool in_ram = address >= kRam;
    std::copy_n(in_ram ? ram.begin() + (address - kRam) : flash.begin() + (address - kFlash), to.size(),
                to.begin());
    return Access::Done;
  }
  Access write_memory(std::uint32_t address, std::span<const std::uint8_t> from, std::uint8_t) override {
    if (address < kRam || readable(address, static_cast<std::uint32_t>(from.size())) != from.size())
      return Access::Refused;
    std::copy(from.begin(), from.end(), ram.begin() + (address - kRam));
    return Access::Done;
  }
  std::uint32_t readable(std::uint32_t address, std::uint32_t size) override {
    if (address - kFlash < flash.size())
      return std::min(size, static_cast<std::uint32_t>(flash.size()) - (address - kFlash));
    if (address - kRam >= ram.size()) return 0;
    return std::min(size, static_cast<std::uint32_t>(ram.size()) - (address - kRam));
  }
  bool set_breakpoints(std::span<const std::uint32_t> addresses) override {
    breakpoints.assign(addresses.begin(), addresses.end());
    return true;
  }
  bool set_watchpoints(std::span<const wire::Watchpoint> all) override {
    if (!has_watchpoints && !all.empty()) return false;
    watchpoints.assign(all.begin(), all.end());
    return true;
  }
  void resume(ResumeKind, std::uint32_t, std::uint32_t) override {
    run_state = RunState::Runs;
    registers[15] += 2;
    if (!runs_on) stop_for(wire::StopReason::Step);
  }
  void halt() override {
    if (run_state != RunState::Halted) stop_for(wire::StopReason::Halt);
  }
  void restart(bool) override { stop_for(wire::StopReason::Start); }
};

}  // namespace microvisor::firmware::debugger::testing
