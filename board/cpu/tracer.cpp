// Trace points: marks in the decoded code, like those of breakpoints (debug_watch.hpp).
#include "board/cpu/tracer.hpp"

#include "board/cpu/core.hpp"
#include "board/cpu/memory.hpp"

namespace microvisor::board {

void set_tracer(Core& core, Tracer* tracer) {
  core.tracer = tracer;
  if (core.trace_points.empty()) return;
  core.trace_points.clear();
  watch_changed(core);
}

void add_trace_point(Core& core, std::uint32_t address) {
  if (core.trace_points.insert(address & ~1U).second) watch_changed(core);
}

}  // namespace microvisor::board
