// Translates between the wire's terms and the monitor's.
#include "firmware/kernel/debugged_application.hpp"

#include "firmware/crypto/debug_crypto.hpp"
#include "firmware/kernel/application.hpp"
#include "firmware/kernel/debugged_memory.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/monitor.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/storage.hpp"

namespace microvisor::firmware::kernel {

namespace wire = protocol::debug;
using debugger::Access;
using debugger::RunState;

namespace {

static_assert(kApplicationRegisters == static_cast<unsigned>(wire::Register::Count));
static_assert(kRegisterControl == static_cast<unsigned>(wire::Register::Control));
static_assert(kRegisterS0 == static_cast<unsigned>(wire::Register::S0));
static_assert(static_cast<unsigned>(StopReason::Start) == static_cast<unsigned>(wire::StopReason::Start));
static_assert(static_cast<unsigned>(StopReason::Request) == static_cast<unsigned>(wire::StopReason::Halt));
static_assert(kBreakpoints == wire::kMaximumBreakpoints && kWatchComparators == wire::kMaximumWatchpoints);

volatile std::uint32_t start_count = 0;
manifest::DebugPolicy debug_policy;
crypto::PublicKey own_point{};
bool own_point_known = false;

WatchKind kind_of(const wire::Watchpoint& watch) {
  switch (watch.access) {
    case wire::Watchpoint::kRead: return WatchKind::Read;
    case wire::Watchpoint::kWrite: return WatchKind::Write;
    default: return WatchKind::Access;
  }
}

class Debugged final : public debugger::Application {
 public:
  void attach() override { monitor_open(); }
  void detach() override { monitor_close(); }
  void look_after() override { monitor_look_after(); }

  RunState state() override {
    if (monitor_has_halted()) return RunState::Halted;
    return application_running() ? RunState::Runs : RunState::NotStarted;
  }

  debugger::StopNote last_stop() override {
    const Stop stop = monitor_last_stop();
    debugger::StopNote note{
        .number = stop.number, .reason = static_cast<wire::StopReason>(stop.reason), .address = stop.watch};
    if (stop.reason != StopReason::Fault) return note;
    const ApplicationEnd& end = last_end();
    note.address = end.address_known ? end.address : 0;
    note.fault_status = end.cfsr | end.cfsr_nonsecure;
    note.secure_fault_status = end.sfsr;
    return note;
  }

  std::uint32_t starts() override { return start_count; }
  std::uint8_t wake_reason() override { return static_cast<std::uint8_t>(services().wake_reason); }
  std::uint32_t kernel_version_number() override { return this_kernel().manifest.version_number; }

  bool read_registers(wire::Registers& registers) override { return monitor_read_registers(registers); }
  bool write_register(std::uint8_t number, std::uint32_t value) override {
    return number < kApplicationRegisters &&
           monitor_write_register(static_cast<ApplicationRegister>(number), value);
  }

  Access read_memory(std::uint32_t address, std::span<std::uint8_t> to, std::uint8_t width) override {
    return read_application(address, to, width);
  }
  Access write_memory(std::uint32_t address, std::span<const std::uint8_t> from,
                      std::uint8_t width) override {
    return write_application(address, from, width);
  }
  std::uint32_t readable(std::uint32_t address, std::uint32_t size) override {
    return plain_memory_at(address, size);
  }

  bool set_breakpoints(std::span<const std::uint32_t> addresses) override {
    return monitor_set_breakpoints(addresses);
  }
  bool set_watchpoints(std::span<const wire::Watchpoint> watchpoints) override {
    std::array<Watchpoint, kWatchComparators> all;
    for (std::size_t i = 0; i < watchpoints.size(); ++i) {
      all[i] = {
          .address = watchpoints[i].address, .size = watchpoints[i].size, .kind = kind_of(watchpoints[i])};
    }
    return monitor_set_watchpoints(std::span(all).first(watchpoints.size()));
  }

  void resume(debugger::ResumeKind kind, std::uint32_t first, std::uint32_t end) override {
    static_assert(static_cast<int>(debugger::ResumeKind::StepRange) ==
                  static_cast<int>(ResumeKind::StepInRange));
    monitor_resume({.kind = static_cast<ResumeKind>(kind), .first = first, .end = end});
  }
  void halt() override { monitor_halt(); }
  void restart(bool halt) override { restart_by_debugger(halt); }
};

}  // namespace

void set_debug_policy(const manifest::DebugPolicy& policy) { debug_policy = policy; }

link::DebugAdmission debug_admission() {
  using link::DebugRefusal;
  const auto& installed = updater().installed();
  if (!debug_policy.has_key || !installed || identity().device_sid.size != wire::kDeviceSidBytes) return {};
  if (!monitor_is_allowed()) return {.refusal = DebugRefusal::ProtectionLevel};
  own_point_known = own_point_known || crypto::p256_public_key(identity().device_private_key, own_point);
  if (!own_point_known) return {};
  const std::span<const std::uint8_t, wire::kDeviceSidBytes> sid(identity().device_sid.data.data(),
                                                                 wire::kDeviceSidBytes);
  static const link::DebugParties parties{
      .keys = {.own_secret = identity().device_private_key, .own_point = own_point, .peer = debug_policy.key},
      .prologue = wire::prologue_of(sid, installed->manifest_hash)};
  return {.refusal = DebugRefusal::None, .parties = &parties};
}

protocol::debug::Crypto& debug_crypto() {
  static crypto::DebugCrypto crypto;
  return crypto;
}

debugger::Application& debugged_application() {
  static Debugged application;
  return application;
}

void debugged_application_starts(std::uint32_t entry) {
  start_count = start_count + 1;
  monitor_application_starts(entry);
}

}  // namespace microvisor::firmware::kernel
