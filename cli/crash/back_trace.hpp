// Who had called whom when an application failed, from the registers and the saved stack of its report.
//
// Calls are followed by the file's call frame information, exceptions by the frame that the core has pushed
// (Armv8-M Architecture Reference Manual, B3.19 and B3.22). Nothing is guessed but one thing, and it is said:
// without information on the innermost function LR is taken for its return address. The trace ends with the
// reason why it goes no further.
#pragma once

#include <string>
#include <vector>

#include "cli/crash/debug_information.hpp"
#include "cli/crash/known_memory.hpp"

namespace microvisor::cli {

struct Frame {
  std::uint32_t pc = 0;
  std::uint32_t sp = 0;
  bool interrupted = false;       ///< pc is the next instruction, not one behind a call
  bool by_link_register = false;  ///< found without call frame information
  unsigned exception = 0;  ///< number of the one that has interrupted it; 0: it has called the frame before
  std::vector<SourcePlace> places;  ///< innermost first; empty: not known

  /// Of the instruction that the frame is in.
  [[nodiscard]] std::uint32_t place() const { return interrupted ? pc : pc - 1; }
};

struct BackTrace {
  std::vector<Frame> frames;  ///< innermost first
  std::string end;            ///< why there are no more, in a sentence without a full stop
  bool complete = false;      ///< the last one has no caller
};

BackTrace trace_back(const microvisor::crash::CrashReport& report, const KnownMemory& memory,
                     const DebugInformation& program);

}  // namespace microvisor::cli
