// The kernel's way into the application's memory: every pointer of the application is asked about here, then
// copied.
//
// What is copied in is checked in the copy, never read twice: other tasks, interrupts and DMA of the
// application may change the original at any time. The device asks the core (TT instructions); host tests
// bring a memory of their own.
#pragma once

#include <cstdint>
#include <type_traits>

namespace microvisor::firmware::kernel {

/// An address the application gave, unchecked.
using Address = std::uint32_t;

/// Whether the calling code of the application may read `size` bytes at `address`: its RAM, its flash.
[[nodiscard]] bool application_can_read(Address address, std::uint32_t size);
/// The same for writing: its RAM.
[[nodiscard]] bool application_can_write(Address address, std::uint32_t size);

/// Copies between kernel and application; the range has been checked.
void copy_from_application(void* to, Address from, std::uint32_t size);
void copy_to_application(Address to, const void* from, std::uint32_t size);
/// From one place of the application's to another, without the kernel's looking at it.
void copy_within_application(Address to, Address from, std::uint32_t size);

/// Checks and copies in one step. False: nothing was copied.
template <typename T>
[[nodiscard]] bool take_from_application(Address address, T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (!application_can_read(address, sizeof(T))) return false;
  copy_from_application(&value, address, sizeof(T));
  return true;
}
template <typename T>
[[nodiscard]] bool give_to_application(Address address, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (!application_can_write(address, sizeof(T))) return false;
  copy_to_application(address, &value, sizeof(T));
  return true;
}

}  // namespace microvisor::firmware::kernel
