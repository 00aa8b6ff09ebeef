/* Microvisor's virtual network interface as a netif of lwIP's. There is one. */
#ifndef PACKET_NETIF_H
#define PACKET_NETIF_H

#include <stdbool.h>

/* Opens it and makes it lwIP's default. After lwip_init() and network_start(). False: it cannot be opened. */
bool packet_netif_open(void);

/* Takes what has come, and follows the interface up and down. Often, from where lwIP is called. */
void packet_netif_poll(void);

bool packet_netif_is_up(void);

#endif
