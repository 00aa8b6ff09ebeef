/* Functions that lwIP calls instead of its own. */
#ifndef MICROVISOR_LWIP_HOOKS_H
#define MICROVISOR_LWIP_HOOKS_H

/* Initial sequence numbers nobody outside can guess (RFC 9293 section 3.4.1). */
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) microvisor_net_random()

/* Packets that are not for lwIP (firmware/net/stack.cpp); what is not 0 means that the hook has freed it. */
struct pbuf;
int microvisor_net_input(struct pbuf* packet);
#define LWIP_HOOK_IP4_INPUT(packet, interface) microvisor_net_input(packet)

/* A segment of a connection, before it is processed (firmware/net/tcp_stream.cpp); 0: go on. */
struct tcp_hdr;
struct tcp_pcb;
signed char microvisor_net_segment(struct tcp_pcb* pcb, const struct tcp_hdr* header,
                                   const struct pbuf* data);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, options, options1, options2, packet) \
  microvisor_net_segment(pcb, header, packet)

#endif
