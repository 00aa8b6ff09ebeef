/* lwIP without an operating system: IPv4, TCP, DNS and ICMP through the raw API. */
#ifndef OWN_STACK_LWIPOPTS_H
#define OWN_STACK_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_DNS 1
#define LWIP_SINGLE_NETIF 1
/* Fragments do not pass Microvisor's translation. */
#define IP_REASSEMBLY 0
#define IP_FRAG 0

#define MEM_ALIGNMENT 8
#define MEM_SIZE (16 * 1024)
#define PBUF_POOL_SIZE 16
#define PBUF_POOL_BUFSIZE 512
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)

#endif
