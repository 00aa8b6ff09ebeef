/* Brings its own IP stack, lwIP, and has a TCP connection of its own: once in three seconds it connects to
 * the server that the device's configuration names, sends a line, and logs the answer.
 *
 * Shows: the virtual network interface beside everything else. The settings come by a channel and the log
 * goes through the cloud, over the connection that Microvisor keeps; the connection to the server goes
 * through neither. */
#include <lwip/dns.h>
#include <lwip/init.h>
#include <lwip/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "packet_netif.h"
#include "settings.h"

static char server[64], port[8];

/* One exchange. Its end comes by one of lwIP's callbacks. */
static struct {
  struct tcp_pcb* pcb;
  bool over;
  char answer[80];
  uint16_t length;
} exchange;

static void end(void) {
  exchange.over = true;
  if (exchange.pcb == NULL) return;
  tcp_arg(exchange.pcb, NULL);
  tcp_err(exchange.pcb, NULL);
  if (tcp_close(exchange.pcb) != ERR_OK) tcp_abort(exchange.pcb);
  exchange.pcb = NULL;
}

static void failed(void* argument, err_t error) {
  (void)argument;
  exchange.pcb = NULL; /* lwIP has freed it */
  say("the connection has failed: %d", error);
  end();
}

static err_t received(void* argument, struct tcp_pcb* pcb, struct pbuf* data, err_t error) {
  (void)argument, (void)error;
  if (data == NULL) {
    say("%s answers: %.*s", server, (int)exchange.length, exchange.answer);
    end();
    return ERR_OK;
  }
  const uint16_t room = (uint16_t)(sizeof exchange.answer - exchange.length);
  exchange.length += pbuf_copy_partial(data, &exchange.answer[exchange.length], room, 0);
  tcp_recved(pcb, data->tot_len);
  pbuf_free(data);
  return ERR_OK;
}

static err_t connected(void* argument, struct tcp_pcb* pcb, err_t error) {
  static const char line[] = "a line from a stack of its own\n";
  (void)argument, (void)error;
  tcp_write(pcb, line, sizeof line - 1, 0);
  return tcp_output(pcb);
}

static void connect_to(const ip_addr_t* address) {
  exchange.pcb = tcp_new();
  tcp_err(exchange.pcb, failed);
  tcp_recv(exchange.pcb, received);
  if (tcp_connect(exchange.pcb, address, (u16_t)atoi(port), connected) != ERR_OK) end();
}

static void found(const char* name, const ip_addr_t* address, void* argument) {
  (void)argument;
  if (address != NULL) {
    connect_to(address);
  } else {
    say("no address for %s", name);
    end();
  }
}

static void begin(void) {
  exchange.over = false;
  exchange.length = 0;
  ip_addr_t address;
  const err_t result = dns_gethostbyname(server, &address, found, NULL);
  if (result == ERR_OK) connect_to(&address);
  if (result != ERR_OK && result != ERR_INPROGRESS) end();
}

static void poll_until(uint64_t moment) {
  while (microseconds() < moment) packet_netif_poll();
}

int main(void) {
  network_start();
  while (!read_setting("server", server, sizeof server) || !read_setting("port", port, sizeof port)) {
    say("the settings \"server\" and \"port\" are missing");
    poll_until(microseconds() + 10000000);
  }
  lwip_init();
  if (!packet_netif_open()) say("there is no network interface");
  while (!packet_netif_is_up()) packet_netif_poll();
  say("the network interface is up");
  for (;;) {
    const uint64_t next = microseconds() + 3000000;
    begin();
    while (!exchange.over) packet_netif_poll();
    poll_until(next);
  }
}
