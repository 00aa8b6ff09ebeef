/* A connected product's firmware, to make versions of: lwIP with a web page, a clock and a name in the local
 * network, and as features MQTT and TLS. Only its size and its code count here: it is never executed. */
#include <string.h>

#include "lwip/apps/httpd.h"
#include "lwip/apps/mdns.h"
#include "lwip/apps/mqtt.h"
#include "lwip/apps/sntp.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/timeouts.h"
#ifdef FEATURE_TLS
#include "lwip/altcp_tls.h"
#include "mbedtls/entropy_poll.h"
#endif

#ifndef GREETING
#define GREETING "sensor 1.0"
#endif
#ifndef SAMPLE_PERIOD_MS
#define SAMPLE_PERIOD_MS 1000
#endif

#define REGISTER(address) (*(volatile uint32_t*)(address))
#define MAILBOX REGISTER(0x40028000u)

static struct netif interface;
static uint32_t milliseconds;
static uint32_t samples[64];
static uint32_t sample_count;

void SysTick_Handler(void) { milliseconds++; }
u32_t sys_now(void) { return milliseconds; }

static err_t send_frame(struct netif* netif, struct pbuf* frame) {
  (void)netif;
  for (struct pbuf* part = frame; part != NULL; part = part->next) {
    for (u16_t i = 0; i < part->len; ++i) MAILBOX = ((uint8_t*)part->payload)[i];
  }
  return ERR_OK;
}

static err_t start_interface(struct netif* netif) {
  netif->name[0] = 'e';
  netif->name[1] = 'n';
  netif->output = etharp_output;
  netif->linkoutput = send_frame;
  netif->mtu = 1500;
  netif->hwaddr_len = ETH_HWADDR_LEN;
  netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP | NETIF_FLAG_IGMP;
  return ERR_OK;
}

static void take_sample(void* unused) {
  samples[sample_count++ % 64] = MAILBOX;
  sys_timeout(SAMPLE_PERIOD_MS, take_sample, unused);
}

static void describe(struct mdns_service* service, void* unused) {
  (void)unused;
  mdns_resp_add_service_txtitem(service, GREETING, (u8_t)strlen(GREETING));
}

#ifdef FEATURE_AVERAGE
static void report_average(void* unused) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < 64; ++i) sum += samples[i];
  printf("average of the last minute: %lu.%02lu\n", (unsigned long)(sum / 64),
         (unsigned long)(sum % 64 * 100 / 64));
  sys_timeout(60000, report_average, unused);
}
#endif

#ifdef FEATURE_MQTT
static mqtt_client_t* client;

static void published(void* unused, err_t result) {
  (void)unused;
  if (result != ERR_OK) mqtt_disconnect(client);
}

static void connected(mqtt_client_t* mqtt, void* unused, mqtt_connection_status_t status) {
  if (status == MQTT_CONNECT_ACCEPTED)
    mqtt_publish(mqtt, "samples", samples, sizeof samples, 1, 0, published, unused);
}

static void start_mqtt(void) {
  static const struct mqtt_connect_client_info_t information = {.client_id = GREETING, .keep_alive = 60};
  ip_addr_t broker = IPADDR4_INIT_BYTES(192, 168, 1, 2);
  client = mqtt_client_new();
  mqtt_client_connect(client, &broker, 1883, connected, NULL, &information);
}
#endif

#ifdef FEATURE_TLS
int mbedtls_hardware_poll(void* unused, unsigned char* output, size_t size, size_t* length) {
  (void)unused;
  for (size_t i = 0; i < size; ++i) output[i] = (unsigned char)MAILBOX;
  *length = size;
  return 0;
}

static void start_tls(void) {
  struct altcp_tls_config* config = altcp_tls_create_config_client((const u8_t*)GREETING, sizeof GREETING);
  struct altcp_pcb* connection = altcp_tls_new(config, IPADDR_TYPE_V4);
  altcp_bind(connection, IP_ADDR_ANY, 0);
}
#endif

int main(void) {
  lwip_init();
  netif_add(&interface, NULL, NULL, NULL, NULL, start_interface, netif_input);
  netif_set_default(&interface);
  netif_set_up(&interface);
  dhcp_start(&interface);
  httpd_init();
  sntp_init();
  mdns_resp_init();
  mdns_resp_add_netif(&interface, "sensor", 120);
  mdns_resp_add_service(&interface, GREETING, "_http", DNSSD_PROTO_TCP, 80, 120, describe, NULL);
  take_sample(NULL);
#ifdef FEATURE_AVERAGE
  report_average(NULL);
#endif
#ifdef FEATURE_MQTT
  start_mqtt();
#endif
#ifdef FEATURE_TLS
  start_tls();
#endif
  for (;;) sys_check_timeouts();
}
