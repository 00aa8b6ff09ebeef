// See crash_target.hpp.
#include "cli/crash/crash_target.hpp"

#include <utility>

#include "cli/debug/application_registers.hpp"
#include "cli/debug/stop_text.hpp"

namespace microvisor::cli {

namespace {

using protocol::debug::Register;

protocol::debug::Registers registers_of(const crash::Registers& from) {
  protocol::debug::Registers to{};
  const auto set = [&](Register which, std::uint32_t value) { to[static_cast<std::size_t>(which)] = value; };
  for (int i = 0; i < from.r_size() && i < 13; ++i) to[static_cast<std::size_t>(i)] = from.r(i);
  set(Register::Sp, from.sp());
  set(Register::Lr, from.lr());
  set(Register::Pc, from.pc());
  set(Register::Xpsr, from.xpsr());
  // As before the fault's own frame was pushed.
  const bool pushed = from.frame_known();
  set(Register::Msp, pushed && !from.process_stack() ? from.sp() : from.msp());
  set(Register::Psp, pushed && from.process_stack() ? from.sp() : from.psp());
  set(Register::Msplim, from.msplim());
  set(Register::Psplim, from.psplim());
  set(Register::Primask, from.primask());
  set(Register::Basepri, from.basepri());
  set(Register::Faultmask, from.faultmask());
  set(Register::Control, from.control());
  return to;
}

unsigned signal_of_crash(const crash::CrashReport& report) {
  const protocol::debug::Stopped stop{
      .reason = protocol::debug::StopReason::Fault,
      .fault_status = report.faults().cfsr() | report.faults().cfsr_nonsecure(),
      .secure_fault_status = report.faults().sfsr()};
  return debug::signal_of(stop);
}

}  // namespace

CrashTarget::CrashTarget(const crash::CrashReport& report, KnownMemory memory, std::string text)
    : text_(std::move(text)),
      memory_(std::move(memory)),
      registers_(registers_of(report.registers())),
      frame_known_(report.registers().frame_known()),
      callee_known_(report.registers().callee_known()),
      halt_{.reason = board::HaltReason::Request,
            .watch = {},
            .pc = report.registers().pc(),
            .signal = signal_of_crash(report)} {}

std::optional<debug::TargetEvent> CrashTarget::poll(std::chrono::milliseconds) {
  if (!std::exchange(tries_to_go_on_, false)) return std::nullopt;
  return debug::TargetEvent{
      .halt = halt_, .text = "This is a crash report: it does not go on.\n", .over = false};
}

std::string_view CrashTarget::description() const { return debug::application_description(); }
std::string_view CrashTarget::memory_map() const { return debug::application_memory_map(); }
unsigned CrashTarget::register_count() const { return static_cast<unsigned>(debug::gdb_registers().size()); }

std::vector<std::uint8_t> CrashTarget::read_register(unsigned number) const {
  return debug::register_bytes(registers_, number);
}

/// Reports have no floating-point registers; the special ones are always there.
bool CrashTarget::knows_register(unsigned number) const {
  const auto which = debug::gdb_registers()[number].first;
  if (which >= 4 && which <= 11) return callee_known_;
  if (which <= static_cast<unsigned>(Register::Xpsr)) return frame_known_;
  return which < static_cast<unsigned>(Register::Fpscr);
}

std::vector<std::uint8_t> CrashTarget::read_memory(std::uint32_t address, std::uint32_t size) {
  return memory_.read(address, size);
}

std::optional<std::string> CrashTarget::monitor(std::string_view line) {
  if (line == "crash") return text_ + "\n";
  if (line == "help") return std::string("crash      the report in words\n");
  return std::nullopt;
}

}  // namespace microvisor::cli
