// memcpy and its kin, in RAM: the compiler calls them wherever it likes, system calls included. Words at a
// time where both ends are aligned.
#include <cstddef>
#include <cstdint>

// What the compiler would recognise as memcpy inside memcpy must stay a loop.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) {
  auto* t = static_cast<std::uint8_t*>(to);
  const auto* f = static_cast<const std::uint8_t*>(from);
  if (((reinterpret_cast<std::uintptr_t>(t) | reinterpret_cast<std::uintptr_t>(f)) & 3) == 0) {
    for (; size >= 4; size -= 4, t += 4, f += 4) {
      *reinterpret_cast<std::uint32_t*>(t) = *reinterpret_cast<const std::uint32_t*>(f);
    }
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
