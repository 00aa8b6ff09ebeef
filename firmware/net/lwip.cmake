# mv_lwip(name): lwIP as a static library under firmware/net/port/lwipopts.h, for the device and for host tests alike.
function(mv_lwip name)
  set(lwip ${MICROVISOR_SOURCES}/lwip/src)
  set(files
    core/init.c core/def.c core/dns.c core/inet_chksum.c core/ip.c core/mem.c core/memp.c core/netif.c core/pbuf.c
    core/tcp.c core/tcp_in.c core/tcp_out.c core/timeouts.c core/udp.c core/ipv4/icmp.c core/ipv4/ip4.c
    core/ipv4/ip4_addr.c netif/ppp/fsm.c netif/ppp/ipcp.c netif/ppp/lcp.c netif/ppp/magic.c netif/ppp/ppp.c
    netif/ppp/pppos.c netif/ppp/auth.c)
  list(TRANSFORM files PREPEND ${lwip}/)
  add_library(${name} STATIC ${files})
  target_include_directories(${name} SYSTEM PUBLIC ${MICROVISOR_ROOT}/firmware/net/port ${lwip}/include)
  target_compile_options(${name} PRIVATE -w)
endfunction()
