/* lwIP's view of compiler and platform. Types come from the C library; there is nothing to print to, and a
 * broken invariant stops the kernel (a reset follows), whatever the text says. */
#ifndef MICROVISOR_LWIP_CC_H
#define MICROVISOR_LWIP_CC_H

#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif
/* firmware/net/stack.cpp */
uint32_t microvisor_net_random(void);
void microvisor_net_assert(void) __attribute__((noreturn));
#ifdef __cplusplus
}
#endif

#define LWIP_RAND() microvisor_net_random()
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) microvisor_net_assert()
#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_CTYPE_H 1

/* What PPP has to say about itself while it runs. Nobody reads it on a device: the link's own state tells
 * what became of PPP. As macros of nothing its texts are not in the image; lwIP's declarations of them vanish
 * too. */
#define ppp_error(...)
#define ppp_warn(...)
#define ppp_notice(...)
#define ppp_info(...)
#define ppp_dbglog(...)

#endif
