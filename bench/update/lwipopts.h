/* lwIP of the application in connected.c: IPv4 without an operating system, Ethernet framing, and what its
 * features ask for. */
#ifndef BENCH_UPDATE_LWIPOPTS_H
#define BENCH_UPDATE_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define MEM_ALIGNMENT 8
#define MEM_SIZE (32 * 1024)
#define MEMP_NUM_SYS_TIMEOUT 24
#define LWIP_DHCP 1
#define LWIP_DNS 1
#define LWIP_IGMP 1
#define LWIP_NUM_NETIF_CLIENT_DATA 1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define LWIP_HTTPD_CGI 1
#define LWIP_HTTPD_SSI 1
#define LWIP_MDNS_RESPONDER 1

#ifdef FEATURE_IPV6
#define LWIP_IPV6 1
#define LWIP_IPV6_DHCP6 1
#else
#define LWIP_IPV6 0
#endif

#ifdef FEATURE_TLS
#define LWIP_ALTCP 1
#define LWIP_ALTCP_TLS 1
#define LWIP_ALTCP_TLS_MBEDTLS 1
#endif

#endif
