// See back_trace.hpp.
#include "cli/crash/back_trace.hpp"

#include <fmt/core.h>

#include <utility>

namespace microvisor::cli {

namespace {

constexpr std::size_t kMostFrames = 200;
constexpr unsigned kSp = 13, kLr = 14, kPc = 15;

// EXC_RETURN (B3.22): all ones but for these.
constexpr std::uint32_t kExcReturnOnes = 0xFFFF'FF80;
constexpr std::uint32_t kToSecure = 1u << 0, kProcessStack = 1u << 2, kThreadMode = 1u << 3,
                        kBasicFrame = 1u << 4, kSecureFrame = 1u << 6;
constexpr std::uint32_t kFunctionReturn = 0xFEFF'FFFE;  // but for bit 0
constexpr std::uint32_t kBasicBytes = 0x20, kExtendedBytes = 0x68;
constexpr std::uint32_t kPadded = 1u << 9;  // of the stacked xPSR

class Tracer {
 public:
  Tracer(const microvisor::crash::CrashReport& report, const KnownMemory& memory,
         const DebugInformation& program)
      : memory_(memory), program_(program), process_stack_(report.registers().psp()) {
    const auto& from = report.registers();
    for (int i = 0; i < 13 && i < from.r_size(); ++i) {
      const bool callee = i >= 4 && i < 12;
      if (callee ? from.callee_known() : from.frame_known())
        registers_[static_cast<std::size_t>(i)] = from.r(i);
    }
    registers_[kSp] = from.sp();
    registers_[kLr] = from.lr();
    registers_[kPc] = from.pc() & ~1u;
    exception_ = from.xpsr() & 0x1FF;
  }

  BackTrace run() {
    bool goes_on = true;
    while (goes_on) {
      if (trace_.frames.size() == kMostFrames) {
        trace_.end = fmt::format("more than {} frames", kMostFrames);
        break;
      }
      add_frame();
      goes_on = step();
    }
    return std::move(trace_);
  }

 private:
  void add_frame() {
    Frame frame{.pc = *registers_[kPc],
                .sp = registers_[kSp].value_or(0),
                .interrupted = interrupted_,
                .by_link_register = by_link_register_,
                .exception = interrupting_,
                .places = {}};
    frame.places = program_.places_of(frame.place());
    trace_.frames.push_back(std::move(frame));
  }

  bool stop(std::string why) {
    trace_.end = std::move(why);
    return false;
  }
  bool stop_for_memory(std::uint32_t address) {
    const auto end = memory_.end_of_stack();
    if (end && address >= *end && address - *end < 0x1'0000)
      return stop(fmt::format("the report's copy of the stack ends here, at 0x{:08x}", *end));
    return stop(fmt::format("the stack at 0x{:08x} is not in the report", address));
  }

  bool step() {
    const Frame& frame = trace_.frames.back();
    const ReadWord read = [this](std::uint32_t address) { return memory_.word(address); };
    CallerStep caller = program_.caller_of(frame.place(), registers_, interrupted_, read);
    interrupting_ = 0;
    by_link_register_ = false;
    switch (caller.end) {
      case CallerStep::End::NoInformation: return step_without_information();
      case CallerStep::End::Outermost: trace_.complete = true; return stop("the outermost function");
      case CallerStep::End::MissingMemory: return stop_for_memory(caller.address);
      case CallerStep::End::MissingRegister:
        return stop(fmt::format("r{} would be needed, which is not in the report", caller.number));
      case CallerStep::End::Caller: break;
    }
    if (!interrupted_ && *caller.registers[kSp] <= *registers_[kSp])
      return stop("the stack does not go on upwards: it is damaged");
    registers_ = caller.registers;
    return return_to(*registers_[kPc]);
  }

  bool step_without_information() {
    if (!interrupted_) return stop("nothing is known of how this function keeps its return address");
    by_link_register_ = true;
    const std::uint32_t link = registers_[kLr].value_or(0);
    for (unsigned kept : {0u, 1u, 2u, 3u, 12u}) registers_[kept].reset();
    return return_to(link);
  }

  bool return_to(std::uint32_t address) {
    if ((address & kExcReturnOnes) == kExcReturnOnes && address != ~0u) return return_from_exception(address);
    if ((address | 1) == (kFunctionReturn | 1)) return stop("called by Secure code");
    if (address == 0 || address == ~0u) {  // what lr has after a reset, and what an RTOS may give a task
      trace_.complete = true;
      return stop("the outermost function");
    }
    if ((address & 1) == 0) return stop(fmt::format("0x{:08x} is no return address", address));
    registers_[kPc] = address & ~1u;
    registers_[kLr].reset();
    interrupted_ = false;
    return true;
  }

  /// The function was an exception's handler: on with what that had interrupted.
  bool return_from_exception(std::uint32_t exc_return) {
    if (((exc_return & kSecureFrame) != 0) != ((exc_return & kToSecure) != 0))
      return stop("the exception had interrupted Microvisor");
    const bool process = (exc_return & kThreadMode) != 0 && (exc_return & kProcessStack) != 0;
    const std::uint32_t base = process ? process_stack_ : *registers_[kSp];
    std::uint32_t words[8];
    for (unsigned i = 0; i < 8; ++i) {
      const auto word = memory_.word(base + 4 * i);
      if (!word) return stop_for_memory(base + 4 * i);
      words[i] = *word;
    }
    for (unsigned i = 0; i < 4; ++i) registers_[i] = words[i];
    registers_[12] = words[4];
    registers_[kLr] = words[5];
    registers_[kPc] = words[6] & ~1u;
    const std::uint32_t size = (exc_return & kBasicFrame) != 0 ? kBasicBytes : kExtendedBytes;
    registers_[kSp] = base + size + ((words[7] & kPadded) != 0 ? 4 : 0);
    interrupting_ = std::exchange(exception_, words[7] & 0x1FF);
    interrupted_ = true;
    return true;
  }

  const KnownMemory& memory_;
  const DebugInformation& program_;
  const std::uint32_t process_stack_;
  KnownRegisters registers_{};
  unsigned exception_ = 0;  // that whose handler runs; 0: thread mode
  bool interrupted_ = true;
  bool by_link_register_ = false;
  unsigned interrupting_ = 0;
  BackTrace trace_;
};

}  // namespace

BackTrace trace_back(const microvisor::crash::CrashReport& report, const KnownMemory& memory,
                     const DebugInformation& program) {
  if (!report.registers().frame_known())
    return {.frames = {}, .end = "the registers at the fault are not in the report", .complete = false};
  BackTrace trace = Tracer(report, memory, program).run();
  if (!program.has_call_frames() && !trace.complete)
    trace.end += " (the ELF file has no .debug_frame, or none was given)";
  return trace;
}

}  // namespace microvisor::cli
