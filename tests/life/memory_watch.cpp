#include "tests/life/memory_watch.hpp"

#include <algorithm>

#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::test {

using tests::kernel_symbol;

MemoryWatch::MemoryWatch(board::Board& board) : board_(board) {
  set_tracer(board.core(), this);
  for (const char* function : {"buffer_alloc_calloc", "buffer_alloc_free"})
    watch(function, [this] { look_at_arena(); });
  for (const char* function : {"mem_malloc", "mem_free"}) watch(function, [this] { look_at_heap(); });
  for (const char* function : {"memp_malloc", "memp_free"}) watch(function, [this] { look_at_packets(); });
}

MemoryWatch::~MemoryWatch() { set_tracer(board_.core(), nullptr); }

void MemoryWatch::watch(const char* function, const std::function<void()>& look) {
  const std::uint32_t address = kernel_symbol(function);
  looks_[address] = look;
  add_trace_point(board_.core(), address);
}

void MemoryWatch::reached(std::uint32_t address) { looks_.at(address)(); }

std::uint32_t MemoryWatch::read(std::uint32_t address, unsigned size) const {
  std::uint32_t value = 0;
  (void)board_.bus().peek(address, size, value);
  return value;
}

/// buffer_alloc_ctx: buf, len, first. struct _memory_header: magic1, size, alloc, prev, next, and three more.
void MemoryWatch::look_at_arena() {
  static const std::uint32_t context = kernel_symbol("heap");
  constexpr std::uint32_t kHeader = 32;
  std::uint32_t bytes = 0;
  for (std::uint32_t piece = read(context + 8); piece != 0; piece = read(piece + 16)) {
    if (read(piece + 8) != 0) bytes += kHeader + read(piece + 4);
  }
  arena = {.size = read(context + 4), .peak = std::max(arena.peak, bytes)};
}

/// struct mem: next and prev (16 bits each), used. The piece behind the last one leads to itself.
void MemoryWatch::look_at_heap() {
  static const std::uint32_t start = kernel_symbol("ram");
  const std::uint32_t list = read(start);
  std::uint32_t bytes = 0;
  std::uint32_t at = 0;
  for (std::uint32_t next = 0; (next = read(list + at, 2)) > at; at = next) {
    if (read(list + at + 4, 1) != 0) bytes += next - at;
  }
  heap = {.size = at, .peak = std::max(heap.peak, bytes)};
}

/// struct memp: next. struct memp_desc: size and num (16 bits each).
void MemoryWatch::look_at_packets() {
  static const std::uint32_t list = kernel_symbol("memp_tab_PBUF_POOL");
  static const std::uint32_t description = kernel_symbol("memp_PBUF_POOL");
  std::uint32_t free = 0;
  for (std::uint32_t packet = read(list); packet != 0; packet = read(packet)) ++free;
  packets.size = read(description + 2, 2);
  packets.peak = std::max(packets.peak, packets.size - free);
}

}  // namespace microvisor::test
