/* What applications do that the board or the service may not have: logging before it is set up, handles of
 * zero, services that answer "unavailable", no sensor on the bus. Each call must return, and the application
 * goes on. Logging is set up first thing in main, before the drivers. */
#include <string.h>

#include "driver.h"

static struct MvNotification records[4] __attribute__((aligned(8)));
static uint8_t receive_buffer[1536] __attribute__((aligned(512)));
static uint8_t send_buffer[512] __attribute__((aligned(512)));
static volatile uint32_t edges[2];

/* Pins that wake nothing on an idle board, with the priorities existing applications give them. */
void EXTI3_IRQHandler(void) { edges[0] += pin_edge_seen(3); }
void EXTI11_IRQHandler(void) { edges[1] += pin_edge_seen(11); }

static void start_edges(void) {
  pin_start(&(struct pin_setup){.port = GPIOF, .pin = 3, .mode = PIN_INPUT, .edge = RISING_EDGE});
  set_priority(EXTI3_LINE, 3);
  enable_interrupt(EXTI3_LINE);
  pin_start(&(struct pin_setup){.port = GPIOB, .pin = 11, .mode = PIN_INPUT, .edge = FALLING_EDGE});
  set_priority(EXTI11_LINE, 15);
  enable_interrupt(EXTI11_LINE);
  ASSERT(REGISTER8(0xE000E400u + EXTI3_LINE) == 0x30);
  ASSERT(REGISTER8(0xE000E400u + EXTI11_LINE) == 0xF0);
}

static void handles_of_zero(void) {
  enum MvNetworkStatus status = MV_NETWORKSTATUS_CONNECTED;
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  MvChannelHandle none = 0;
  ASSERT(mvGetNetworkStatus(0, &status) == MV_STATUS_INVALIDHANDLE);
  ASSERT(mvGetChannelClosureReason(0, &reason) == MV_STATUS_INVALIDHANDLE);
  ASSERT(mvCloseChannel(&none) != MV_STATUS_OKAY && none == 0);
}

/* An HTTP exchange, in the order applications go about it. Whatever the answers are, the handle is zero in
 * the end. */
static void http_exchange(MvNotificationHandle centre, MvNetworkHandle network) {
  MvChannelHandle channel = 0;
  const struct MvOpenChannelParams params = {.version = 1,
                                             .v1 = {.notification_handle = centre,
                                                    .notification_tag = 3,
                                                    .network_handle = network,
                                                    .receive_buffer = receive_buffer,
                                                    .receive_buffer_len = sizeof receive_buffer,
                                                    .send_buffer = send_buffer,
                                                    .send_buffer_len = sizeof send_buffer,
                                                    .channel_type = MV_CHANNELTYPE_HTTP,
                                                    .endpoint = {.data = (const uint8_t*)"", .length = 0}}};
  const enum MvStatus opened = mvOpenChannel(&params, &channel);
  report("http channel: %s", opened == MV_STATUS_OKAY ? "open" : "refused");
  ASSERT((opened == MV_STATUS_OKAY) == (channel != 0));
  if (channel == 0) return;
  const enum MvStatus closed = mvCloseChannel(&channel);
  ASSERT(closed == MV_STATUS_OKAY || closed == MV_STATUS_CHANNELCLOSED);
  ASSERT(channel == 0);
}

static void ask_the_service(void) {
  MvNotificationHandle centre = 0;
  MvNetworkHandle network = 0;
  const struct MvNotificationSetup setup = {
      .irq = TIM1_BRK_LINE, .buffer = records, .buffer_size = sizeof records};
  ASSERT(mvSetupNotifications(&setup, &centre) == MV_STATUS_OKAY);
  const struct MvRequestNetworkParams params = {.version = 1,
                                                .v1 = {.notification_handle = centre, .notification_tag = 9}};
  ASSERT(mvRequestNetwork(&params, &network) == MV_STATUS_OKAY);
  http_exchange(centre, network);
  mvReadHttpResponseData(0, 0);
  mvSendConfigFetchRequest(0, 0);
  mvMqttRequestConnect(0, 0);
  mvMqttReadDisconnectResponse(0, 0);
  report("services asked");
}

/* A message of 1 KiB is taken, a longer one refused, both without harm. */
static void long_lines(void) {
  static uint8_t text[1025];
  memset(text, 'x', sizeof text);
  memcpy(text, "long ", 5);
  ASSERT(mvServerLog(text, 1024) == MV_STATUS_OKAY);
  ASSERT(mvServerLog(text, 1025) == MV_STATUS_LOGMESSAGETOOLONG);
  ASSERT(mvServerLog(text, 0) == MV_STATUS_OKAY);
}

/* Registers that keep what is written, at least (SPI1_CFG1 and CRCPOLY, RM0456 chapter 68). */
static void block_without_model(void) {
  const uint32_t spi1 = 0x40013000u;
  poke_set(RCC + 0xA4, 1u << 12); /* RCC_APB2ENR.SPI1EN */
  for (unsigned round = 0; round < 2; ++round) {
    REGISTER(spi1 + 0x08) = 0x70007u + round;
    REGISTER(spi1 + 0x40) = 0x107u + round;
    ASSERT(REGISTER(spi1 + 0x08) == 0x70007u + round && REGISTER(spi1 + 0x40) == 0x107u + round);
  }
}

int main(void) {
  mvServerLog((const uint8_t*)"too early", 9);
  log_server("first line");
  driver_start();
  ASSERT(mvGetHClk(&system_core_clock) == MV_STATUS_OKAY);
  start_tick();
  pwm_start();
  report("[ERROR] this is only a test");
  handles_of_zero();
  start_edges();
  long_lines();
  block_without_model();
  ask_the_service();
  i2c_start();
  for (uint8_t address = 8; address < 0x78; ++address) ASSERT(i2c_probe(address) == I2C_NOBODY);
  report("bus scanned");
  ASSERT(edges[0] == 0 && edges[1] == 0);
  for (uint32_t percent = 10;; percent = percent % 100 + 10) {
    pwm_duty(percent);
    delay(99);
    if (percent == 100) report("round at %lu", (unsigned long)tick());
  }
}
