/* The family most applications belong to: boot lines on log and USART2, a system notification centre, the
 * network, then tasks. One toggles the LED every 500 ms through a queue, one says "ping" every 5 s, one looks
 * for a temperature sensor. */
#include <string.h>

#include "driver.h"
#include "rtos.h"

#ifndef APP_NAME
#define APP_NAME "tasks"
#endif
#ifndef NETWORK_LINE /* the interrupt that announces records about the network */
#define NETWORK_LINE TIM2_LINE
#define network_interrupt TIM2_IRQHandler
#endif
#define SENSOR 0x18
#define RECORDS 8

static struct MvNotification system_records[4] __attribute__((aligned(8)));
static struct MvNotification network_records[RECORDS] __attribute__((aligned(8)));
static MvNotificationHandle system_centre, network_centre;
static MvSystemEventHandle update_events;
static MvNetworkHandle network;
static volatile uint32_t network_interrupts, network_changes, network_index;

static struct task led_task, ping_task, sensor_task, blink_task;
static uint32_t led_stack[256], ping_stack[1024], sensor_stack[1024], blink_stack[256];
static struct queue led_queue;
static struct queue console; /* one token: who holds it may report */

/* One record an interrupt; the index moves only for events that are known here. */
void network_interrupt(void);
void network_interrupt(void) {
  volatile struct MvNotification* record = &network_records[network_index];
  uint32_t exception = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  ASSERT(exception == 16 + NETWORK_LINE);
  ++network_interrupts;
  if (record->event_type != MV_EVENTTYPE_NETWORKSTATUSCHANGED) return;
  ASSERT(record->tag == 55);
  record->event_type = MV_EVENTTYPE_NOEVENT;
  network_index = (network_index + 1) % RECORDS;
  ++network_changes;
}

static MvNotificationHandle open_centre(unsigned line, struct MvNotification* records, size_t size) {
  MvNotificationHandle centre = 0;
  memset(records, 0xFF, size);
  const struct MvNotificationSetup setup = {.irq = line, .buffer = records, .buffer_size = size};
  ASSERT(mvSetupNotifications(&setup, &centre) == MV_STATUS_OKAY);
  ASSERT(centre != 0);
  clear_pending(line);
  enable_interrupt(line);
  return centre;
}

static void subscribe_to_updates(void) {
  system_centre = open_centre(TIM1_BRK_LINE, system_records, sizeof system_records);
  const struct MvOpenSystemNotificationParams params = {
      .notification_handle = system_centre,
      .notification_tag = 1,
      .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_UPDATE};
  ASSERT(mvOpenSystemNotification(&params, &update_events) == MV_STATUS_OKAY);
}

static void wait_for_network(void) {
  network_centre = open_centre(NETWORK_LINE, network_records, sizeof network_records);
  const struct MvRequestNetworkParams params = {
      .version = 1, .v1 = {.notification_handle = network_centre, .notification_tag = 55}};
  ASSERT(mvRequestNetwork(&params, &network) == MV_STATUS_OKAY);
  for (;;) {
    enum MvNetworkStatus status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;
    if (mvGetNetworkStatus(network, &status) == MV_STATUS_OKAY && status == MV_NETWORKSTATUS_CONNECTED) break;
    for (volatile unsigned count = 0; count < 50000; ++count) __asm__ volatile("nop");
  }
  report("network connected, %lu interrupts, %lu changes", (unsigned long)network_interrupts,
         (unsigned long)network_changes);
  ASSERT(network_changes != 0 && network_interrupts == network_changes);
}

/* --- tasks */

static void take_console(void) {
  uint32_t token = 0;
  while (!queue_receive(&console, &token, 1000)) {
  }
}
static void give_console(void) { ASSERT(queue_send(&console, 1)); }

static void led_loop(void* argument) {
  (void)argument;
  for (;;) {
    uint32_t level = 0;
    if (queue_receive(&led_queue, &level, 2000)) pin_write(GPIOA, 5, level != 0);
  }
}

static void blink_loop(void* argument) {
  uint32_t level = (uint32_t)(uintptr_t)argument;
  uint32_t last = rtos_ticks();
  for (;;) {
    ASSERT(queue_send(&led_queue, level));
    level = !level;
    task_delay_until(&last, 500);
  }
}

static void ping_loop(void* argument) {
  (void)argument;
  uint32_t last = rtos_ticks();
  for (uint32_t count = 0;; ++count) {
    uint64_t now = 0;
    take_console();
    ASSERT(mvGetMicroseconds(&now) == MV_STATUS_OKAY);
    report("ping %lu at tick %lu, %lu ms", (unsigned long)count, (unsigned long)rtos_ticks(),
           (unsigned long)(now / 1000));
    give_console();
    task_delay_until(&last, 5000);
  }
}

/* A probe that nobody answers is repeated twice, then the task goes on without. */
static void sensor_loop(void* argument) {
  (void)argument;
  uint8_t bytes[2] = {0, 0};
  i2c_start();
  enum i2c_result result = I2C_TIMEOUT;
  for (unsigned attempt = 0; attempt < 3 && result != I2C_OK; ++attempt) {
    result = i2c_probe(SENSOR);
    ASSERT(result != I2C_TIMEOUT);
    if (result != I2C_OK) task_delay(300);
  }
  take_console();
  report(result == I2C_OK ? "sensor found" : "no sensor");
  if (result == I2C_OK) {
    ASSERT(i2c_read_register(SENSOR, 6, bytes, 2) == I2C_OK && bytes[0] == 0x00 && bytes[1] == 0x54);
    ASSERT(i2c_read_register(SENSOR, 7, bytes, 2) == I2C_OK && bytes[0] == 0x04);
    ASSERT(i2c_write(SENSOR, (const uint8_t[]){1, 0, 0}, 3) == I2C_OK);
    ASSERT(i2c_read_register(SENSOR, 5, bytes, 2) == I2C_OK);
    report("temperature %u sixteenths", ((unsigned)bytes[0] << 8 | bytes[1]) & 0xFFF);
  } else {
    ASSERT(i2c_read_register(SENSOR, 5, bytes, 2) == I2C_NOBODY);
  }
  give_console();
  for (;;) task_delay(10000);
}

static void create_tasks(void) {
  give_console();
  task_create(&led_task, led_loop, 0, led_stack, sizeof led_stack / 4, 3);
  task_create(&blink_task, blink_loop, (void*)1, blink_stack, sizeof blink_stack / 4, 2);
  task_create(&ping_task, ping_loop, 0, ping_stack, sizeof ping_stack / 4, 2);
  task_create(&sensor_task, sensor_loop, 0, sensor_stack, sizeof sensor_stack / 4, 1);
}

int main(void) {
  char device[35] = {0};
  uint8_t reason[2] = {0xAA, 0xAA};
  driver_start();
  ASSERT(mvGetHClk(&system_core_clock) == MV_STATUS_OKAY);
  start_tick();
  led_start();
  ASSERT(mvSystemLedEnable(1) == MV_STATUS_OKAY);
  mvGetDeviceId((uint8_t*)device, 34);
  report("device: %s", device);
  report("   app: " APP_NAME " 3.1.0-42");
  ASSERT(mvGetWakeReason((enum MvWakeReason*)&reason[0]) == MV_STATUS_OKAY);
  ASSERT(reason[0] <= 16 && reason[1] == 0xAA); /* one byte is written */
  report("[DEBUG] wake reason %u, core clock %lu", reason[0], (unsigned long)system_core_clock);
  subscribe_to_updates();
  wait_for_network();
  create_tasks();
  rtos_start();
}
