# What the kernel image takes from firmware/net, firmware/kernel/link and lwIP. Sets, for a project that knows
# MICROVISOR_ROOT (the top of the tree) and MICROVISOR_SOURCES (unpacked source packages):
#   firmware_net_sources    C++ of this project, hardware-free
#   firmware_net_device     C++ of this project that needs the chip
#   firmware_net_lwip       C of lwIP
#   firmware_net_includes   include directories for all of them
set(LWIP_DIR ${MICROVISOR_SOURCES}/lwip)
set(firmware_net_sources)
set(firmware_net_device)
set(firmware_net_lwip
  ${LWIP_DIR}/src/core/init.c
  ${LWIP_DIR}/src/core/def.c
  ${LWIP_DIR}/src/core/dns.c
  ${LWIP_DIR}/src/core/inet_chksum.c
  ${LWIP_DIR}/src/core/ip.c
  ${LWIP_DIR}/src/core/mem.c
  ${LWIP_DIR}/src/core/memp.c
  ${LWIP_DIR}/src/core/netif.c
  ${LWIP_DIR}/src/core/pbuf.c
  ${LWIP_DIR}/src/core/tcp.c
  ${LWIP_DIR}/src/core/tcp_in.c
  ${LWIP_DIR}/src/core/tcp_out.c
  ${LWIP_DIR}/src/core/timeouts.c
  ${LWIP_DIR}/src/core/udp.c
  ${LWIP_DIR}/src/core/ipv4/icmp.c
  ${LWIP_DIR}/src/core/ipv4/ip4.c
  ${LWIP_DIR}/src/core/ipv4/ip4_addr.c
  ${LWIP_DIR}/src/core/ipv4/ip4_frag.c
  ${LWIP_DIR}/src/netif/ppp/fsm.c
  ${LWIP_DIR}/src/netif/ppp/ipcp.c
  ${LWIP_DIR}/src/netif/ppp/lcp.c
  ${LWIP_DIR}/src/netif/ppp/magic.c
  ${LWIP_DIR}/src/netif/ppp/ppp.c
  ${LWIP_DIR}/src/netif/ppp/pppos.c
  ${LWIP_DIR}/src/netif/ppp/utils.c
)
set(firmware_net_includes ${MICROVISOR_ROOT} ${MICROVISOR_ROOT}/firmware/net/port ${LWIP_DIR}/src/include)
