// memset and the kin of memcpy (memcpy.S), in RAM for the same reason: the compiler calls them wherever it
// likes, system calls included.
#include <cstddef>
#include <cstdint>

// What the compiler would recognise as memset inside memset must stay a loop.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size);

void* memmove(void* to, const void* from, std::size_t size) {
  // memcpy goes upwards and reads each block before it writes it, but for a first word that it reads twice.
  constexpr std::size_t kWord = 4;
  auto* t = static_cast<std::uint8_t*>(to);
  const auto* f = static_cast<const std::uint8_t*>(from);
  if (t + kWord <= f || t >= f + size) return memcpy(to, from, size);
  if (t <= f) {
    for (; size != 0; --size) *t++ = *f++;
    return to;
  }
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
