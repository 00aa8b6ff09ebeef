/* Functions that lwIP calls instead of its own. */
#ifndef MICROVISOR_LWIP_HOOKS_H
#define MICROVISOR_LWIP_HOOKS_H

/* Initial sequence numbers nobody outside can guess (RFC 9293 section 3.4.1). */
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) microvisor_net_random()

#endif
