// Barriers of the core (Armv8-M Architecture Reference Manual, B7.7).
#pragma once

namespace microvisor::firmware::stm32u5 {

inline void data_barrier() { asm volatile("dsb" : : : "memory"); }
inline void instruction_barrier() { asm volatile("isb" : : : "memory"); }
/// Everything before is done, and seen by what is fetched after.
inline void full_barrier() {
  data_barrier();
  instruction_barrier();
}

}  // namespace microvisor::firmware::stm32u5
