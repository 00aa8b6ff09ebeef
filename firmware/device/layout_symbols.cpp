// Carries firmware/layout.hpp and the kernel's limits into the linker scripts: compiled to assembly only, in
// which each of these lines shows up as a comment with a number that device/layout_ld.py picks out.
#include "firmware/layout.hpp"
#include "firmware/limits.hpp"

#define MV_SYMBOL(name, value) asm volatile("@LAYOUT " #name " %0" : : "i"(value))
#define MV_PAGES(name, pages)                  \
  MV_SYMBOL(layout_##name, (pages).address()); \
  MV_SYMBOL(layout_##name##_size, (pages).size())

namespace microvisor::firmware {

void emit_layout_symbols() {
  MV_PAGES(preboot, kPreboot);
  MV_PAGES(bootrom_a, kBootromA);
  MV_PAGES(bootrom_b, kBootromB);
  MV_PAGES(upgrader_a, kUpgraderA);
  MV_PAGES(upgrader_b, kUpgraderB);
  MV_SYMBOL(layout_kernel, kKernel.address());
  MV_SYMBOL(layout_kernel_size, kKernelMaximumSize);
#if defined(MICROVISOR_HARDWARE_CRYPTO)  // the other image is only there to be compared with
  MV_SYMBOL(layout_kernel_flash_limit, kMaximumKernelImage);
  MV_SYMBOL(layout_kernel_ram_limit, kMaximumKernelRam);
#endif
  MV_SYMBOL(layout_ram, kMicrovisorRam);
  MV_SYMBOL(layout_ram_size, kMicrovisorRamSize);
}

}  // namespace microvisor::firmware
