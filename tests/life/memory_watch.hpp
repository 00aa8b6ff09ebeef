// How much of its fixed memories the kernel's network code has in use at most: mbedTLS's arena, lwIP's heap
// and its pool of packet buffers. Looked at whenever something is to be taken or given back, so that the
// peaks are exact.
//
// What is read are the allocators' own lists, as mbedTLS (memory_buffer_alloc.c) and lwIP (mem.c, memp.c)
// lay them out. Lives at most as long as its board.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "board/board.hpp"
#include "board/cpu/quiet_tracer.hpp"

namespace microvisor::test {

class MemoryWatch final : public board::QuietTracer {
 public:
  explicit MemoryWatch(board::Board& board);
  ~MemoryWatch() override;
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  struct Memory {
    std::uint32_t size = 0;
    std::uint32_t peak = 0;
  };
  Memory arena;    ///< bytes; of the peak, headers of the pieces included
  Memory heap;     ///< the same
  Memory packets;  ///< buffers

  void reached(std::uint32_t address) override;

 private:
  void watch(const char* function, const std::function<void()>& look);
  void look_at_arena();
  void look_at_heap();
  void look_at_packets();
  [[nodiscard]] std::uint32_t read(std::uint32_t address, unsigned size = 4) const;

  board::Board& board_;
  std::map<std::uint32_t, std::function<void()>> looks_;  // by address of the function that is called
};

}  // namespace microvisor::test
