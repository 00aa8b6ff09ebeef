/* What lwIP wants to know of the compiler: newlib has it all. */
#ifndef BENCH_UPDATE_CC_H
#define BENCH_UPDATE_CC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LWIP_PLATFORM_DIAG(arguments) printf arguments
#define LWIP_PLATFORM_ASSERT(text) abort()
#define LWIP_RAND() ((uint32_t)rand())

#endif
