/* lwIP as the kernel uses it: IPv4 over PPP over a serial line, TCP and DNS through the raw API, all in the
 * worker, all memory in static pools. Everything else is off. */
#ifndef MICROVISOR_LWIPOPTS_H
#define MICROVISOR_LWIPOPTS_H

/* One context, no operating system. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TIMERS 1

/* What is in. */
#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DNS 1
#define DNS_MAX_NAME_LENGTH 254
#define DNS_TABLE_SIZE 1
#define LWIP_DHCP 0
#define LWIP_AUTOIP 0
#define LWIP_IGMP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_NETIF_STATUS_CALLBACK 0
#define LWIP_NETIF_TX_SINGLE_PBUF 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_STATS 0
#define LWIP_CALLBACK_API 1
#define LWIP_HOOK_FILENAME "lwip_hooks.h"

/* PPP on the serial line: LCP and IPCP. */
#define PPP_SUPPORT 1
#define PPPOS_SUPPORT 1
#define PPP_IPV4_SUPPORT 1
#define PPP_IPV6_SUPPORT 0
#define PPP_NOTIFY_PHASE 0
#define PAP_SUPPORT 0
#define CHAP_SUPPORT 0
#define EAP_SUPPORT 0
#define CCP_SUPPORT 0
#define ECP_SUPPORT 0
#define VJ_SUPPORT 0
#define PPP_FCS_TABLE 1
#define PPP_MRU 1500
#define PPP_DEFMRU 1500
#define MAXNAMELEN 32
#define MAXSECRETLEN 32
#define FSM_DEFTIMEOUT 2

/* Memory. The heap holds a full send buffer in as many pieces as may be queued, each with 88 bytes of
 * headers, and a name query. The pool holds a full receive window, two buffers a segment with PPP's two
 * bytes, and one packet being built. */
#define MEM_ALIGNMENT 8
#define MEM_SIZE (6 * 1024)
#define MEM_LIBC_MALLOC 0
#define MEMP_MEM_MALLOC 0
#define PBUF_POOL_SIZE 19
#define PBUF_POOL_BUFSIZE 296
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_UDP_PCB 2
#define MEMP_NUM_TCP_PCB 4
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG 20
#define MEMP_NUM_SYS_TIMEOUT 12

/* TCP. Segments of 536 bytes at most (RFC 9293 section 3.7.1) whatever the bearer: of a cellular one nobody
 * can say how fast it will be in a minute. At 10 kbit/s such a segment takes half a second, and of the eight
 * in a window enough are under way for a lost one to be repeated before the timer runs out; at 10 Mbit/s its
 * headers cost four percent. */
#define TCP_MSS 536
#define TCP_WND (8 * TCP_MSS)
#define TCP_SND_BUF (8 * TCP_MSS)
#define TCP_SND_QUEUELEN 16
#define TCP_QUEUE_OOSEQ 1
#define LWIP_TCP_KEEPALIVE 0
#define TCP_MAXRTX 8
#define TCP_SYNMAXRTX 4
#define LWIP_RANDOMIZE_INITIAL_LOCAL_PORTS 1
#define TCP_TMR_INTERVAL 125
#define LWIP_TCP_RTO_TIME 1000

#endif
