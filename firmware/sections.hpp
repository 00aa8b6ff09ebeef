// Names for the places code and data can lie in, and the linker's symbols (device/image.ld.in).
//
// A fetch from bank 2 stalls while bank 2 is erased or programmed, so what has to run then is marked
// MV_RAM_CODE. All of kernel/resident is by itself, but for what is marked MV_FLASH_CODE: functions beside
// resident ones that no trap or interrupt gets to, or only a call in flash (docs/kernel.md).
#pragma once

#include <cstdint>

#define MV_RAM_CODE __attribute__((section(".ram_code"), noinline))
#define MV_FLASH_CODE __attribute__((section(".flash_code")))
#define MV_NOINIT __attribute__((section(".noinit")))

extern "C" {
extern std::uint32_t image_start[], image_end[];
extern std::uint32_t data_load[], data_start[], data_end[];
extern std::uint32_t bss_start[], bss_end[];
extern std::uint32_t ram_start[], ram_end[], main_stack_top[];
}
