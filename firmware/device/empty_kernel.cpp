// A kernel that stops at its first instruction: stands in until firmware/kernel provides sources.
#include <cstdint>

#include "firmware/sections.hpp"

extern "C" [[noreturn]] void reset_handler() {
  for (;;) asm volatile("wfi");
}

extern "C" const std::uintptr_t empty_kernel_vectors[16];
__attribute__((section(".vectors"), used)) const std::uintptr_t empty_kernel_vectors[16] = {
    reinterpret_cast<std::uintptr_t>(&main_stack_top), reinterpret_cast<std::uintptr_t>(&reset_handler)};
