// See crash_target.hpp.
#include "cli/debug/crash_target.hpp"

#include <algorithm>
#include <utility>

#include "cli/debug/application_registers.hpp"
#include "cli/debug/stop_text.hpp"

namespace microvisor::cli::debug {

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
  set(Register::Msp, from.process_stack() ? from.msp() : from.sp());
  set(Register::Psp, from.process_stack() ? from.sp() : from.psp());
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
  return signal_of(stop);
}

}  // namespace

CrashTarget::CrashTarget(const crash::CrashReport& report, board::LoadedImage image)
    : text_(report.text()), registers_(registers_of(report.registers())) {
  if (!report.stack().empty())
    memory_.push_back({report.stack_address(), {report.stack().begin(), report.stack().end()}});
  for (auto& segment : image.segments) memory_.push_back({segment.address, std::move(segment.bytes)});
  halt_ = {.reason = board::HaltReason::Request,
           .watch = {},
           .pc = report.registers().pc(),
           .signal = signal_of_crash(report)};
}

std::optional<TargetEvent> CrashTarget::poll(std::chrono::milliseconds) {
  if (!std::exchange(tries_to_go_on_, false)) return std::nullopt;
  return TargetEvent{.halt = halt_, .text = "This is a crash report: it does not go on.\n", .over = false};
}

std::string_view CrashTarget::description() const { return application_description(); }
std::string_view CrashTarget::memory_map() const { return application_memory_map(); }
unsigned CrashTarget::register_count() const { return static_cast<unsigned>(gdb_registers().size()); }

std::vector<std::uint8_t> CrashTarget::read_register(unsigned number) const {
  return register_bytes(registers_, number);
}

std::vector<std::uint8_t> CrashTarget::read_memory(std::uint32_t address, std::uint32_t size) {
  for (const Piece& piece : memory_) {
    const std::uint32_t at = address - piece.address;
    if (at >= piece.bytes.size()) continue;
    const std::size_t count = std::min<std::size_t>(size, piece.bytes.size() - at);
    const auto begin = piece.bytes.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }
  return {};
}

std::optional<std::string> CrashTarget::monitor(std::string_view line) {
  if (line == "crash") return text_ + "\n";
  if (line == "help") return std::string("crash      what the device said of the crash\n");
  return std::nullopt;
}

}  // namespace microvisor::cli::debug
