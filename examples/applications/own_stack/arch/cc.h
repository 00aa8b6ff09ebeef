/* lwIP's view of compiler and platform. */
#ifndef OWN_STACK_CC_H
#define OWN_STACK_CC_H

#include <stdint.h>
#include <stdlib.h>

/* For sequence numbers and ports; seeded by packet_netif_open(). */
#define LWIP_RAND() ((uint32_t)rand())
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) abort()
#define LWIP_NO_UNISTD_H 1

#endif
