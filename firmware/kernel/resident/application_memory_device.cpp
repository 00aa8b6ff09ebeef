// Pointers are checked twice over: against the map of what is the application's, and by TT instructions,
// which ask the SAU, the IDAU and the application's own MPU (Armv8-M Architecture Reference Manual, C2.4.264:
// TTA and TTAT answer for the Non-secure state). Start and end must give the same answer, that is, lie in one
// region of each.
#include "firmware/kernel/resident/application_memory.hpp"

#include "firmware/kernel/resident/calls.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kNonSecureRead = 1u << 20;   // NSR
constexpr std::uint32_t kNonSecureWrite = 1u << 21;  // NSRW

std::uint32_t test_target(Address address) {
  std::uint32_t result = 0;
  if ((caller.control & kControlUnprivileged) == 0) {
    asm("tta %0, %1" : "=r"(result) : "r"(address));
  } else {
    asm("ttat %0, %1" : "=r"(result) : "r"(address));
  }
  return result;
}

/// Whether [address, address + size) lies in [base, base + length). `size` is at most `length` after the
/// first test, so nothing wraps.
bool inside(Address address, std::uint32_t size, std::uint32_t base, std::uint32_t length) {
  return size <= length && address - base <= length - size;
}

bool permitted(Address address, std::uint32_t size, std::uint32_t right) {
  const std::uint32_t first = test_target(address);
  if ((first & right) == 0) return false;
  return size <= 1 || test_target(address + size - 1) == first;
}

bool in_ram(Address address, std::uint32_t size) {
  return inside(address, size, kApplicationRam, kApplicationRamSize) ||
         inside(address, size, kApplicationRam4, kApplicationRam4Size);
}

}  // namespace

bool application_can_read(Address address, std::uint32_t size) {
  if (size == 0) return true;
  const bool known = in_ram(address, size) || inside(address, size, kApplicationFlash, kApplicationFlashSize);
  return known && permitted(address, size, kNonSecureRead);
}

bool application_can_write(Address address, std::uint32_t size) {
  if (size == 0) return true;
  return in_ram(address, size) && permitted(address, size, kNonSecureWrite);
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

void copy_within_application(Address to, Address from, std::uint32_t size) {
  __builtin_memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), size);
}

}  // namespace microvisor::firmware::kernel
