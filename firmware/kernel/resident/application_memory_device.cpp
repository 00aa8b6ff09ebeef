// Pointers are checked twice over: against the map of what is the application's, and by TT instructions,
// which ask the SAU, the IDAU and the application's own MPU (Armv8-M Architecture Reference Manual, C2.4.264:
// TTA and TTAT answer for the Non-secure state). Start and end must give the same answer, that is, lie in one
// region of each.
#include "firmware/kernel/resident/application_memory.hpp"

#include "firmware/kernel/resident/caller.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kNonSecureRead = 1u << 20;   // NSR
constexpr std::uint32_t kNonSecureWrite = 1u << 21;  // NSRW

std::uint32_t test_target(Address address) {
  std::uint32_t result = 0;
  if ((caller.control & kControlUnprivileged) == 0) [[likely]] {
    asm("tta %0, %1" : "=r"(result) : "r"(address));
  } else {
    asm("ttat %0, %1" : "=r"(result) : "r"(address));
  }
  return result;
}

/// Whether [address, address + last] lies in [base, base + length). Nothing wraps: `last` is less than
/// `length` after the first test.
bool inside(Address address, std::uint32_t last, std::uint32_t base, std::uint32_t length) {
  return last < length && address - base < length - last;
}

bool permitted(Address address, std::uint32_t last, std::uint32_t right) {
  const std::uint32_t first = test_target(address);
  return (first & right) != 0 && test_target(address + last) == first;
}

bool in_ram(Address address, std::uint32_t last) {
  if (inside(address, last, kApplicationRam, kApplicationRamSize)) [[likely]]
    return true;
  return inside(address, last, kApplicationRam4, kApplicationRam4Size);
}

}  // namespace

// Of no bytes at all, the last one is beyond any memory.

bool application_can_read(Address address, std::uint32_t size) {
  const std::uint32_t last = size - 1;
  if (in_ram(address, last) || inside(address, last, kApplicationFlash, kApplicationFlashSize)) [[likely]] {
    return permitted(address, last, kNonSecureRead);
  }
  return size == 0;
}

bool application_can_write(Address address, std::uint32_t size) {
  const std::uint32_t last = size - 1;
  if (in_ram(address, last)) [[likely]]
    return permitted(address, last, kNonSecureWrite);
  return size == 0;
}

// Most of what goes to and fro is one word, which wants no loop.

void copy_from_application(void* to, Address from, std::uint32_t size) {
  if (size == sizeof(std::uint32_t)) {
    __builtin_memcpy(to, reinterpret_cast<const void*>(from), sizeof(std::uint32_t));
  } else {
    __builtin_memcpy(to, reinterpret_cast<const void*>(from), size);
  }
}

void copy_to_application(Address to, const void* from, std::uint32_t size) {
  if (size == sizeof(std::uint32_t)) {
    __builtin_memcpy(reinterpret_cast<void*>(to), from, sizeof(std::uint32_t));
  } else {
    __builtin_memcpy(reinterpret_cast<void*>(to), from, size);
  }
}

// Whoever gives away a buffer and then writes from it gets what comes of it.
void copy_within_application(Address to, Address from, std::uint32_t size) {
  __builtin_memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), size);
}

}  // namespace microvisor::firmware::kernel
