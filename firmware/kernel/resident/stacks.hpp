// The kernel's three stacks, each closed at its top by a seal that no exception return can take for a frame.
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

inline constexpr std::uint32_t kStackSeal = 0xFEF5'EDA5;  // Arm's recommendation for stack sealing
inline constexpr std::uint32_t kMainStackSize = 2432;     // exceptions
inline constexpr std::uint32_t kThreadStackSize = 3584;   // start-up, installation, the life cycle
inline constexpr std::uint32_t kWorkerStackSize = 5888;   // link, TLS, updates; exceptions on top

#ifdef __arm__  // host tests take the sizes only
extern "C" {
extern std::uint32_t kernel_main_stack[kMainStackSize / 4];
extern std::uint32_t kernel_thread_stack[kThreadStackSize / 4];
extern std::uint32_t kernel_worker_stack[kWorkerStackSize / 4];
}

/// Address of the two seal words, which is also where the empty stack's pointer stands.
[[nodiscard]] inline std::uint32_t main_stack_seal() {
  return reinterpret_cast<std::uint32_t>(kernel_main_stack) + kMainStackSize - 8;
}
[[nodiscard]] inline std::uint32_t thread_stack_seal() {
  return reinterpret_cast<std::uint32_t>(kernel_thread_stack) + kThreadStackSize - 8;
}
[[nodiscard]] inline std::uint32_t worker_stack_seal() {
  return reinterpret_cast<std::uint32_t>(kernel_worker_stack) + kWorkerStackSize - 8;
}
#endif

}  // namespace microvisor::firmware::kernel
