// memcpy and its kin, in RAM: the compiler calls them wherever it likes, system calls included. The
// application's interrupts wait while a call copies up to 1 KiB, so copying goes by blocks: of 32 bytes where
// both ends are aligned, of words where they are not (the core reads and writes words anywhere in normal
// memory, CCR.UNALIGN_TRP = 0).
#include <cstddef>
#include <cstdint>

// What the compiler would recognise as memcpy inside memcpy must stay a loop.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

namespace {

/// A word that may lie anywhere.
struct [[gnu::packed, gnu::may_alias]] Word {
  std::uint32_t value;
};

/// Copies as many blocks as there are, and moves on behind them.
inline void copy_blocks([[maybe_unused]] std::uint8_t*& to, [[maybe_unused]] const std::uint8_t*& from,
                        [[maybe_unused]] std::size_t& size) {
#ifdef __arm__
  if (((reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) & 3) == 0) {
    for (; size >= 32; size -= 32) {
      asm volatile("ldmia %1!, {r3-r6}\n\tstmia %0!, {r3-r6}\n\tldmia %1!, {r3-r6}\n\tstmia %0!, {r3-r6}"
                   : "+r"(to), "+r"(from)
                   :
                   : "r3", "r4", "r5", "r6", "memory");
    }
    return;
  }
  for (; size >= 16; size -= 16, to += 16, from += 16) {
    auto* t = reinterpret_cast<Word*>(to);
    const auto* f = reinterpret_cast<const Word*>(from);
    const Word a = f[0], b = f[1], c = f[2], d = f[3];
    t[0] = a;
    t[1] = b;
    t[2] = c;
    t[3] = d;
  }
#endif
}

}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) {
  auto* t = static_cast<std::uint8_t*>(to);
  const auto* f = static_cast<const std::uint8_t*>(from);
  copy_blocks(t, f, size);
  for (; size >= 4; size -= 4, t += 4, f += 4) {
    *reinterpret_cast<Word*>(t) = *reinterpret_cast<const Word*>(f);
  }
  for (; size != 0; --size) *t++ = *f++;
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  auto* t = static_cast<std::uint8_t*>(to);
  const auto* f = static_cast<const std::uint8_t*>(from);
  if (t <= f || t >= f + size) return memcpy(to, from, size);
  while (size-- != 0) t[size] = f[size];
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  auto* t = static_cast<std::uint8_t*>(to);
  const auto byte = static_cast<std::uint8_t>(value);
  for (; size != 0 && (reinterpret_cast<std::uintptr_t>(t) & 3) != 0; --size) *t++ = byte;
  const std::uint32_t word = byte * 0x0101'0101u;
  for (; size >= 16; size -= 16, t += 16) {
    auto* words = reinterpret_cast<std::uint32_t*>(t);
    words[0] = words[1] = words[2] = words[3] = word;
  }
  for (; size >= 4; size -= 4, t += 4) *reinterpret_cast<std::uint32_t*>(t) = word;
  for (; size != 0; --size) *t++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, std::size_t size) {
  const auto* x = static_cast<const std::uint8_t*>(a);
  const auto* y = static_cast<const std::uint8_t*>(b);
  for (; size != 0; --size, ++x, ++y) {
    if (*x != *y) return *x < *y ? -1 : 1;
  }
  return 0;
}

}  // extern "C"
