// The life of a core: construction, reset, snapshot, and what the bus tells it.
#include "board/cpu/core.hpp"

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/system.hpp"
#include "board/cpu/system_units.hpp"

namespace microvisor::board {

Core::Core(Bus& bus_, Scheduler& scheduler_)
    : bus(bus_),
      scheduler(scheduler_),
      system(std::make_unique<SystemUnits>(*this)),
      tlb(std::make_unique<Tlb>()),
      decoded(std::make_unique<DecodeCache>()) {
  bus.set_observer(this);
}

Core::~Core() { bus.set_observer(nullptr); }

void Core::reset(std::uint32_t vector_table) {
  state = CoreState{};
  ++entries;
  attention = false;
  nonsecure_seen = false;
  execution = Execution{};
  reset_system(*this, vector_table);
  flush_tlb(*this);
  std::uint32_t stack = 0, entry = 0;
  const bool read = vector_read(*this, vector_table, kSecure, stack) == FrameAccess::Ok &&
                    vector_read(*this, vector_table + 4, kSecure, entry) == FrameAccess::Ok;
  // TakeReset() of DDI0553: an unreadable vector table leaves the core locked up.
  state.locked_up = !read;
  state.r[13] = stack & ~3u;
  state.r[14] = 0xFFFF'FFFF;
  state.r[15] = entry & ~1u;
  state.thumb = (entry & 1) != 0;
}

void Core::set_line(unsigned line, bool level) { set_interrupt_line(*this, line, level); }

void Core::raise_nmi() { pend_nmi(*this); }

void Core::raise_event() { register_event(*this); }

std::uint32_t Core::peek_ppb(std::uint32_t address, World world) const {
  return peek_ppb_register(*this, address, world);
}

void Core::memory_changed(std::uint32_t physical, std::uint32_t size) {
  if (decoded->invalidate(physical, size)) flush_tlb(*this);
}

void Core::permissions_changed() { flush_tlb(*this); }

void Core::serialise(Archive& archive) {
  bool wait = execution.wait;
  archive(state, signals, retired, nonsecure_seen, wait);
  if (archive.loading()) execution = Execution{};
  execution.wait = wait;
  serialise_system(*this, archive);
  if (!archive.loading()) return;
  decoded->clear();
  flush_tlb(*this);
}

}  // namespace microvisor::board
