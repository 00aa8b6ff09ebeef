/* What PPP has to say about itself while it runs. Nobody reads it on a device, and the printing of lwIP's
 * utils.c, which this stands in for, would be the only one in the image. The link's own state tells what
 * became of PPP. */
#include "netif/ppp/ppp_opts.h"
#if PPP_SUPPORT
#include "netif/ppp/ppp_impl.h"

void ppp_error(const char* format, ...) { LWIP_UNUSED_ARG(format); }
void ppp_warn(const char* format, ...) { LWIP_UNUSED_ARG(format); }
void ppp_notice(const char* format, ...) { LWIP_UNUSED_ARG(format); }
void ppp_info(const char* format, ...) { LWIP_UNUSED_ARG(format); }
void ppp_dbglog(const char* format, ...) { LWIP_UNUSED_ARG(format); }
#endif
