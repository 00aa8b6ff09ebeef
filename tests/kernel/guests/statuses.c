/* Provokes every status that a call is documented to give, and says of each what came: "CALL wanted got". The
 * test compares the list with the table the interface is generated from. One kind a world: without a
 * connection, with one, in the factory. */
#include "guest.h"

enum { KIND_UNCONNECTED, KIND_CONNECTED, KIND_FACTORY };

#define NOWHERE ((void*)0x30080000) /* Microvisor's RAM */
#define STALE(type) ((type)0x7)     /* a handle of nobody */
#define EXPECT(call, status, ...) report(#call, MV_STATUS_##status, call(__VA_ARGS__))

enum MvStatus mvTemporaryStructTest(const void* in); /* in the symbol object, not in the header */

static struct MvNotification rings[33][2] __attribute__((aligned(8)));
static uint8_t log_buffer[1024] __attribute__((aligned(512)));
static uint8_t receive_buffers[5][512] __attribute__((aligned(512)));
static uint8_t send_buffers[5][512] __attribute__((aligned(512)));
static uint8_t packet_rings[3][2048] __attribute__((aligned(512)));
static uint8_t text[1200];
static uint8_t bytes[256];

static void report(const char* call, uint32_t wanted, uint32_t got) {
  print_part(call);
  print_part(" ");
  print_part_number(wanted);
  print_number("", got);
}

/* --- without a connection --- */

static void time_and_device(void) {
  uint64_t time;
  uint32_t word;
  EXPECT(mvGetMicroseconds, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetWallTime, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetWallTime, TIMENOTSET, &time);
  EXPECT(mvGetSysClk, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetHClk, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetPClk1, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetPClk2, PARAMETERFAULT, NOWHERE);
  EXPECT(mvGetDeviceId, PARAMETERFAULT, NOWHERE, 34);
  EXPECT(mvGetDeviceId, INVALIDBUFFERSIZE, bytes, 33);
  EXPECT(mvPeriphPeek32, PERIPHERALACCESSFAULT, 0x46007800, &word);
  EXPECT(mvPeriphPeek32, PARAMETERFAULT, RCC_AHB2ENR1, NOWHERE);
  EXPECT(mvPeriphPoke32, PERIPHERALACCESSFAULT, RCC_AHB2ENR1 + 1, 0, 0);
}

static struct MvNotificationSetup setup_of(uint32_t irq, void* buffer, uint32_t size) {
  return (struct MvNotificationSetup){.irq = irq, .buffer = buffer, .buffer_size = size};
}

static MvNotificationHandle notifications(void) {
  MvNotificationHandle centres[32] = {0};
  struct MvNotificationSetup setup = setup_of(48, rings[0], 32);
  EXPECT(mvSetupNotifications, PARAMETERFAULT, NOWHERE, &centres[0]);
  EXPECT(mvSetupNotifications, INVALIDINTERRUPT, &setup, &centres[0]);
  setup = setup_of(45, rings[0], 40);
  EXPECT(mvSetupNotifications, INVALIDBUFFERSIZE, &setup, &centres[0]);
  setup = setup_of(45, &bytes[1], 32);
  EXPECT(mvSetupNotifications, INVALIDBUFFERALIGNMENT, &setup, &centres[0]);
  /* Lines of EXTI, GPDMA, ADC1, DAC1, FDCAN1 and TIM1: all of them the application's. */
  for (uint32_t i = 0; i < 32; ++i) {
    setup = setup_of(i < 16 ? 11 + i : 13 + i, rings[i], 32);
    if (mvSetupNotifications(&setup, &centres[i]) != MV_STATUS_OKAY) print_number("no centre", i);
  }
  setup = setup_of(63, rings[0], 32);
  EXPECT(mvSetupNotifications, BUFFERALREADYINUSE, &setup, &centres[0]);
  setup = setup_of(63, rings[32], 32);
  EXPECT(mvSetupNotifications, TOOMANYNOTIFICATIONBUFFERS, &setup, &centres[0]);
  for (uint32_t i = 1; i < 32; ++i) mvCloseNotifications(&centres[i]);
  EXPECT(mvCloseNotifications, PARAMETERFAULT, NOWHERE);
  MvNotificationHandle stale = STALE(MvNotificationHandle);
  EXPECT(mvCloseNotifications, INVALIDHANDLE, &stale);
  EXPECT(mvTempTriggerNotification, INVALIDHANDLE, stale, MV_EVENTTYPE_NOEVENT, 0);
  struct MvOpenSystemNotificationParams params = {.notification_handle = stale,
                                                  .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_UPDATE};
  MvSystemEventHandle event = 0;
  EXPECT(mvOpenSystemNotification, PARAMETERFAULT, NOWHERE, &event);
  EXPECT(mvOpenSystemNotification, INVALIDHANDLE, &params, &event);
  MvSystemEventHandle stale_event = STALE(MvSystemEventHandle);
  EXPECT(mvCloseSystemNotification, INVALIDHANDLE, &stale_event);
  EXPECT(mvCloseSystemNotification, PARAMETERFAULT, NOWHERE);
  return centres[0];
}

static MvNetworkHandle network(void) {
  struct MvRequestNetworkParams params = {.version = 2};
  MvNetworkHandle handle = 0;
  uint32_t count;
  enum MvNetworkReason reasons;
  EXPECT(mvRequestNetwork, UNSUPPORTEDSTRUCTUREVERSION, &params, &handle);
  params.version = 1;
  params.v1.notification_handle = STALE(MvNotificationHandle);
  EXPECT(mvRequestNetwork, INVALIDHANDLE, &params, &handle);
  EXPECT(mvRequestNetwork, PARAMETERFAULT, NOWHERE, &handle);
  EXPECT(mvReleaseNetwork, PARAMETERFAULT, NOWHERE);
  MvNetworkHandle stale = STALE(MvNetworkHandle);
  EXPECT(mvReleaseNetwork, INVALIDHANDLE, &stale);
  EXPECT(mvGetNetworkReasons, PARAMETERFAULT, &reasons, NOWHERE);
  EXPECT(mvGetNetworkReasons, PARAMETERFAULT, NOWHERE, &count);
  params.v1.notification_handle = 0;
  mvRequestNetwork(&params, &handle);
  EXPECT(mvGetNetworkStatus, PARAMETERFAULT, handle, NOWHERE);
  enum MvNetworkStatus status;
  EXPECT(mvGetNetworkStatus, INVALIDHANDLE, stale, &status);
  return handle;
}

static void log_calls(void) {
  EXPECT(mvServerLog, UNAVAILABLE, text, 5);
  EXPECT(mvServerLoggingInit, INVALIDBUFFERSIZE, log_buffer, 500);
  EXPECT(mvServerLoggingInit, PARAMETERFAULT, NOWHERE, 512);
  EXPECT(mvServerLoggingInit, INVALIDBUFFERALIGNMENT, log_buffer + 8, 512);
  struct MvNotificationSetup setup = setup_of(62, log_buffer, 32);
  MvNotificationHandle centre = 0;
  mvSetupNotifications(&setup, &centre);
  EXPECT(mvServerLoggingInit, BUFFERALREADYINUSE, log_buffer, 1024);
  mvCloseNotifications(&centre);
  mvServerLoggingInit(log_buffer, 1024);
  EXPECT(mvServerLoggingInit, UNAVAILABLE, log_buffer, 1024);
  EXPECT(mvServerLog, PARAMETERFAULT, NOWHERE, 5);
  EXPECT(mvServerLog, LOGMESSAGETOOLONG, text, 1025);
  mvServerLog(text, 900);
  EXPECT(mvServerLog, INVALIDBUFFERSIZE, text, 900);
}

static struct MvOpenChannelParams channel(MvNotificationHandle centre, MvNetworkHandle handle,
                                          uint32_t index) {
  return (struct MvOpenChannelParams){.version = 1,
                                      .v1 = {.notification_handle = centre,
                                             .network_handle = handle,
                                             .receive_buffer = receive_buffers[index],
                                             .receive_buffer_len = 512,
                                             .send_buffer = send_buffers[index],
                                             .send_buffer_len = 512,
                                             .channel_type = MV_CHANNELTYPE_OPAQUEBYTES,
                                             .endpoint = {.data = (const uint8_t*)"log", .length = 3}}};
}

static void channel_openings(MvNotificationHandle centre, MvNetworkHandle handle) {
  MvChannelHandle out = 0;
  struct MvOpenChannelParams p = channel(centre, handle, 0);
  EXPECT(mvOpenChannel, PARAMETERFAULT, NOWHERE, &out);
  p.version = 2;
  EXPECT(mvOpenChannel, UNSUPPORTEDSTRUCTUREVERSION, &p, &out);
  p = channel(centre, STALE(MvNetworkHandle), 0);
  EXPECT(mvOpenChannel, INVALIDHANDLE, &p, &out);
  p = channel(centre, handle, 0);
  p.v1.send_buffer += 8;
  EXPECT(mvOpenChannel, INVALIDBUFFERALIGNMENT, &p, &out);
  p = channel(centre, handle, 0);
  p.v1.send_buffer_len = 100;
  EXPECT(mvOpenChannel, INVALIDBUFFERSIZE, &p, &out);
  p = channel(centre, handle, 0);
  p.v1.endpoint.length = 2;
  EXPECT(mvOpenChannel, UNKNOWNCHANNELENDPOINT, &p, &out);
  p = channel(centre, handle, 0);
  p.v1.channel_type = (enum MvChannelType)9;
  EXPECT(mvOpenChannel, UNKNOWNCHANNELTYPE, &p, &out);
  p = channel(centre, handle, 0);
  p.v1.send_buffer = log_buffer;
  EXPECT(mvOpenChannel, BUFFERALREADYINUSE, &p, &out);
  p = channel(centre, handle, 0);
  EXPECT(mvOpenChannel, NETWORKNOTCONNECTED, &p, &out);
}

static void channel_handles(void) {
  const MvChannelHandle stale = STALE(MvChannelHandle);
  MvChannelHandle closing = stale;
  enum MvClosureReason reason;
  uint32_t count;
  uint8_t* data;
  EXPECT(mvCloseChannel, PARAMETERFAULT, NOWHERE);
  EXPECT(mvCloseChannel, INVALIDHANDLE, &closing);
  EXPECT(mvGetChannelClosureReason, INVALIDHANDLE, stale, &reason);
  EXPECT(mvWriteChannelStream, INVALIDHANDLE, stale, text, 5, &count);
  EXPECT(mvWriteChannel, INVALIDHANDLE, stale, text, 5, &count);
  EXPECT(mvReadChannel, INVALIDHANDLE, stale, &data, &count);
  EXPECT(mvReadChannelComplete, INVALIDHANDLE, stale, 0);
}

static void power(void) {
  EXPECT(mvPowerSave, PARAMETERFAULT, (enum MvPowerSavingMode)5);
  EXPECT(mvPowerSave, MICROVISORBUSY, MV_POWERSAVINGMODE_STOP2);
  EXPECT(mvDeepSleep, PARAMETERFAULT, (enum MvDeepSleepMode)2);
  EXPECT(mvDeepSleep, MICROVISORBUSY, MV_DEEPSLEEPMODE_STANDBY);
  EXPECT(mvGetWakeReason, PARAMETERFAULT, NOWHERE);
  EXPECT(mvRestart, PARAMETERFAULT, (enum MvRestartMode)1);
  EXPECT(mvSystemLedEnable, UNAVAILABLE, 2);
}

static void external_flash(void) {
  MvExternalFlashHandle handles[33] = {0}, stale = STALE(MvExternalFlashHandle);
  struct MvExternalFlashInfo info = {.version = 1};
  EXPECT(mvExternalFlashOpen, PARAMETERFAULT, NOWHERE);
  for (uint32_t i = 0; i < 32; ++i) mvExternalFlashOpen(&handles[i]);
  EXPECT(mvExternalFlashOpen, TOOMANYCHANNELS, &handles[32]);
  const MvExternalFlashHandle handle = handles[0];
  EXPECT(mvExternalFlashGetInfo, PARAMETERFAULT, handle, NOWHERE);
  EXPECT(mvExternalFlashGetInfo, INVALIDHANDLE, stale, &info);
  info.version = 2;
  EXPECT(mvExternalFlashGetInfo, UNSUPPORTEDSTRUCTUREVERSION, handle, &info);
  info.version = 1;
  mvExternalFlashGetInfo(handle, &info);
  print_number("external flash", info.v1.size);
  print_number("handles", info.v1.num_handles);
  const uint32_t last = info.v1.size - 4;
  EXPECT(mvExternalFlashReadBlocking, INVALIDHANDLE, stale, 0, 4, bytes);
  EXPECT(mvExternalFlashReadBlocking, PARAMETERFAULT, handle, 0, 4, NOWHERE);
  EXPECT(mvExternalFlashReadBlocking, ADDRESSOUTOFRANGE, handle, last, 8, bytes);
  EXPECT(mvExternalFlashWriteBlocking, INVALIDHANDLE, stale, 0, 4, bytes);
  EXPECT(mvExternalFlashWriteBlocking, PARAMETERFAULT, handle, 0, 4, NOWHERE);
  EXPECT(mvExternalFlashWriteBlocking, ADDRESSOUTOFRANGE, handle, 0xFFFFFFFC, 8, bytes);
  EXPECT(mvExternalFlashEraseBlocking, INVALIDHANDLE, stale, 0, 4096);
  EXPECT(mvExternalFlashEraseBlocking, PARAMETERFAULT, handle, 0, 0);
  EXPECT(mvExternalFlashEraseBlocking, ADDRESSOUTOFRANGE, handle, info.v1.size, 4096);
  EXPECT(mvExternalFlashEraseBlocking, INVALIDBUFFERALIGNMENT, handle, 4096, 100);
  EXPECT(mvExternalFlashClose, INVALIDHANDLE, &stale);
  EXPECT(mvExternalFlashClose, PARAMETERFAULT, NOWHERE);
}

static void wifi(void) {
  struct MvWifiConfig config = {.version = 2};
  uint32_t length;
  uint8_t encryption;
  struct MvWifiConfigOut out = {
      .version = 2,
      .v1 = {.ssid = {.data = bytes, .size = 32, .length = &length}, .has_encryption = &encryption}};
  EXPECT(mvSetWifiConfig, UNSUPPORTEDSTRUCTUREVERSION, &config);
  EXPECT(mvGetWifiConfig, UNSUPPORTEDSTRUCTUREVERSION, &out);
  config.version = out.version = 1;
  EXPECT(mvSetWifiConfig, PARAMETERFAULT, NOWHERE);
  config.v1.wifi_ssid = (struct MvSizedString){.data = text, .length = 33};
  EXPECT(mvSetWifiConfig, INPUTTOOLONG, &config);
  config.v1.wifi_ssid.length = 4;
  EXPECT(mvSetWifiConfig, OKAY, &config);
  EXPECT(mvGetWifiConfig, PARAMETERFAULT, NOWHERE);
  out.v1.ssid.size = 3;
  EXPECT(mvGetWifiConfig, INVALIDBUFFERSIZE, &out);
  config.v1.config_mode = MV_WIFICONFIGMODE_CLEARNOW;
  EXPECT(mvSetWifiConfig, OKAY, &config);
}

static void test_aids(void) {
  struct {
    uint32_t version, a, b, inner, c;
  } outer = {2, 0, 0, 0, 0};
  EXPECT(mvTemporaryStructTest, UNSUPPORTEDSTRUCTUREVERSION, &outer);
  EXPECT(mvTemporaryStructTest, PARAMETERFAULT, NOWHERE);
  EXPECT(mvTestingComplete, UNAVAILABLE, 0);
  EXPECT(mvTestLog, UNAVAILABLE, text, 5);
  EXPECT(mvTestLoggingInit, UNAVAILABLE, log_buffer, 512);
}

/* --- from an interrupt handler: by slot, for each that the table does not allow there --- */

enum { SLOTS = 78 };
static volatile uint32_t answered[SLOTS];

void TIM6_IRQHandler(void) {
  for (uint32_t slot = 0; slot < SLOTS; ++slot) {
    register uint32_t r0 __asm__("r0") = 0;
    register uint32_t r1 __asm__("r1") = 0;
    register uint32_t r2 __asm__("r2") = 0;
    register uint32_t r3 __asm__("r3") = 0;
    __asm__ volatile("blx %4"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     : "r"((0x0C1FE000u + 8 * slot) | 1)
                     : "r12", "lr", "cc", "memory");
    answered[slot] = r0;
  }
}

static void from_handler(void) {
  REG(NVIC_ISER + 4) = 1u << 17;
  REG(NVIC_ISPR + 4) = 1u << 17;
  __asm__ volatile("dsb\n\tisb");
  for (uint32_t slot = 0; slot < SLOTS; ++slot) {
    print_part("handler ");
    print_part_number(slot);
    print_number("", answered[slot]);
  }
}

/* --- out of a fast interrupt, where nothing is to be had --- */

#define TIM7 0x40001400u
#define TIM7_LINE 50
#define VTOR 0xE000ED08u

static volatile uint32_t in_fast[4], fast_interrupts_seen;

void TIM7_IRQHandler(void) {
  REG(TIM7 + 0x10) = 0;
  in_fast[0] = mvSetFastInterrupt(49);
  in_fast[1] = mvClearFastInterrupt(TIM7_LINE);
  in_fast[2] = mvEnableFastInterrupt(TIM7_LINE);
  in_fast[3] = mvDisableFastInterrupt(TIM7_LINE);
  fast_interrupts_seen = 1;
}

static void fast_interrupts(void) {
  EXPECT(mvSetFastInterrupt, INVALIDINTERRUPT, 48);
  EXPECT(mvClearFastInterrupt, INVALIDINTERRUPT, TIM7_LINE);
  EXPECT(mvEnableFastInterrupt, INVALIDINTERRUPT, TIM7_LINE);
  EXPECT(mvDisableFastInterrupt, INVALIDINTERRUPT, TIM7_LINE);
  REG(VTOR) = 0x0C100000;
  EXPECT(mvSetFastInterrupt, INVALIDVECTOR, TIM7_LINE);
  REG(VTOR) = 0x08000000;
  mvSetFastInterrupt(TIM7_LINE);
  mvEnableFastInterrupt(TIM7_LINE);
  mvPeriphPoke32(RCC_APB1ENR1, 0x20, 0x20);
  REG(TIM7 + 0x0C) = 1;
  REG(TIM7 + 0x14) = 1; /* an update at once */
  while (!fast_interrupts_seen) __asm__ volatile("nop");
  report("mvSetFastInterrupt", MV_STATUS_UNAVAILABLE, in_fast[0]);
  report("mvClearFastInterrupt", MV_STATUS_UNAVAILABLE, in_fast[1]);
  report("mvEnableFastInterrupt", MV_STATUS_UNAVAILABLE, in_fast[2]);
  report("mvDisableFastInterrupt", MV_STATUS_UNAVAILABLE, in_fast[3]);
  mvClearFastInterrupt(TIM7_LINE);
}

/* --- the virtual network interface, which can be opened without a connection --- */

static struct MvOpenNetworkInterfaceParams interface(MvNotificationHandle centre, MvNetworkHandle handle) {
  return (struct MvOpenNetworkInterfaceParams){.version = 1,
                                               .v1 = {.notification_handle = centre,
                                                      .network_handle = handle,
                                                      .receive_buffer = packet_rings[0],
                                                      .receive_buffer_len = 2048,
                                                      .send_buffer = packet_rings[1],
                                                      .send_buffer_len = 2048}};
}

static void network_interface(MvNotificationHandle centre, MvNetworkHandle handle) {
  MvNetworkInterfaceHandle open = 0, stale = STALE(MvNetworkInterfaceHandle);
  struct MvOpenNetworkInterfaceParams p = interface(centre, handle);
  EXPECT(mvOpenNetworkInterface, PARAMETERFAULT, NOWHERE, &open);
  p.version = 2;
  EXPECT(mvOpenNetworkInterface, UNSUPPORTEDSTRUCTUREVERSION, &p, &open);
  p = interface(centre, STALE(MvNetworkHandle));
  EXPECT(mvOpenNetworkInterface, INVALIDHANDLE, &p, &open);
  p = interface(centre, handle);
  p.v1.receive_buffer_len = 1536;
  EXPECT(mvOpenNetworkInterface, INVALIDBUFFERSIZE, &p, &open);
  p = interface(centre, handle);
  p.v1.send_buffer += 8;
  EXPECT(mvOpenNetworkInterface, INVALIDBUFFERALIGNMENT, &p, &open);
  struct MvNotificationSetup setup = setup_of(62, packet_rings[1], 32);
  MvNotificationHandle other = 0;
  mvSetupNotifications(&setup, &other);
  p = interface(centre, handle);
  EXPECT(mvOpenNetworkInterface, BUFFERALREADYINUSE, &p, &open);
  mvCloseNotifications(&other);
  EXPECT(mvOpenNetworkInterface, OKAY, &p, &open);
  p.v1.receive_buffer = packet_rings[2];
  p.v1.send_buffer = receive_buffers[0];
  MvNetworkInterfaceHandle second = 0;
  EXPECT(mvOpenNetworkInterface, TOOMANYCHANNELS, &p, &second);
  struct MvNetworkInterfaceState state = {.version = 2};
  EXPECT(mvGetNetworkInterfaceState, PARAMETERFAULT, open, NOWHERE);
  EXPECT(mvGetNetworkInterfaceState, UNSUPPORTEDSTRUCTUREVERSION, open, &state);
  EXPECT(mvGetNetworkInterfaceState, INVALIDHANDLE, stale, &state);
  EXPECT(mvSendNetworkPackets, INVALIDHANDLE, stale, 0);
  EXPECT(mvSendNetworkPackets, PARAMETERFAULT, open, 2048);
  EXPECT(mvCloseNetworkInterface, PARAMETERFAULT, NOWHERE);
  EXPECT(mvCloseNetworkInterface, INVALIDHANDLE, &stale);
  EXPECT(mvCloseNetworkInterface, OKAY, &open);
}

static void unconnected(void) {
  time_and_device();
  const MvNotificationHandle centre = notifications();
  const MvNetworkHandle handle = network();
  log_calls();
  channel_openings(centre, handle);
  channel_handles();
  network_interface(centre, handle);
  power();
  external_flash();
  wifi();
  test_aids();
  fast_interrupts();
  from_handler();
}

/* --- with a connection --- */

static void await_connection(MvNetworkHandle handle, enum MvNetworkStatus wanted) {
  enum MvNetworkStatus status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;
  while (mvGetNetworkStatus(handle, &status) == MV_STATUS_OKAY && status != wanted) __asm__ volatile("nop");
}

static void closed_channel(MvChannelHandle handle) {
  enum MvClosureReason reason = MV_CLOSUREREASON_NONE;
  uint32_t count;
  uint8_t* data;
  print("cut");
  while (reason == MV_CLOSUREREASON_NONE) mvGetChannelClosureReason(handle, &reason);
  EXPECT(mvWriteChannelStream, CHANNELCLOSED, handle, text, 5, &count);
  EXPECT(mvWriteChannel, CHANNELCLOSED, handle, text, 5, &count);
  EXPECT(mvReadChannel, CHANNELCLOSED, handle, &data, &count);
  EXPECT(mvReadChannelComplete, CHANNELCLOSED, handle, 1);
}

static void connected(void) {
  struct MvNotificationSetup setup = setup_of(45, rings[0], 32);
  MvNotificationHandle centre = 0;
  struct MvRequestNetworkParams request = {.version = 1};
  MvNetworkHandle handle = 0;
  MvChannelHandle channels[5] = {0};
  uint32_t count;
  uint8_t* data;
  mvSetupNotifications(&setup, &centre);
  mvServerLoggingInit(log_buffer, 1024);
  mvRequestNetwork(&request, &handle);
  await_connection(handle, MV_NETWORKSTATUS_CONNECTED);
  struct MvOpenChannelParams p;
  for (uint32_t i = 0; i < 4; ++i) {
    p = channel(centre, handle, i);
    EXPECT(mvOpenChannel, OKAY, &p, &channels[i]);
  }
  p = channel(centre, handle, 4);
  EXPECT(mvOpenChannel, TOOMANYCHANNELS, &p, &channels[4]);
  EXPECT(mvGetChannelClosureReason, PARAMETERFAULT, channels[0], NOWHERE);
  EXPECT(mvWriteChannelStream, PARAMETERFAULT, channels[0], NOWHERE, 5, &count);
  EXPECT(mvWriteChannelStream, LATEFAULT, channels[0], text, 5, NOWHERE);
  EXPECT(mvWriteChannel, PARAMETERFAULT, channels[0], NOWHERE, 5, &count);
  EXPECT(mvWriteChannel, INVALIDBUFFERSIZE, channels[0], text, 600, &count);
  EXPECT(mvWriteChannel, LATEFAULT, channels[0], text, 5, NOWHERE);
  EXPECT(mvReadChannel, PARAMETERFAULT, channels[0], NOWHERE, &count);
  EXPECT(mvReadChannel, PARAMETERFAULT, channels[0], &data, NOWHERE);
  for (uint32_t i = 1; i < 4; ++i) mvCloseChannel(&channels[i]);
  enum MvStatus status = MV_STATUS_OKAY;
  for (uint32_t i = 0; i < 20 && status == MV_STATUS_OKAY; ++i) {
    p = channel(centre, handle, 1);
    status = mvOpenChannel(&p, &channels[1]);
    mvCloseChannel(&channels[1]);
  }
  report("mvOpenChannel", MV_STATUS_RATELIMITED, status);
  closed_channel(channels[0]);

  /* The gateway takes no log any more, and has an update. */
  await_connection(handle, MV_NETWORKSTATUS_CONNECTED);
  do {
    status = mvServerLog(text, 5); /* the buffer may be full for a while */
  } while (status == MV_STATUS_OKAY || status == MV_STATUS_INVALIDBUFFERSIZE);
  report("mvServerLog", MV_STATUS_LOGGINGDISABLEDBYSERVER, status);
  enum MvNetworkReason reasons = MV_NETWORKREASON_NOTCONNECTING;
  while ((reasons & MV_NETWORKREASON_FETCHINGUPDATE) == 0) mvGetNetworkReasons(&reasons, &count);
  EXPECT(mvRestart, MICROVISORBUSY, MV_RESTARTMODE_AUTOAPPLYUPDATE);
}

/* --- in the factory --- */

static void await_reason(enum MvNetworkReason reason, int present) {
  enum MvNetworkReason reasons = MV_NETWORKREASON_NOTCONNECTING;
  uint32_t count;
  do {
    mvGetNetworkReasons(&reasons, &count);
  } while (((reasons & reason) != 0) != present);
}

/* With parameters.address set, an update is to be staged first. */
static void factory(void) {
  if (parameters.address != 0) {
    await_reason(MV_NETWORKREASON_FETCHINGUPDATE, 1);
    await_reason(MV_NETWORKREASON_FETCHINGUPDATE, 0);
    print("staged");
    for (volatile uint32_t i = 0; i < 20000000; ++i) {
    }
  }
  EXPECT(mvTestLoggingInit, INVALIDBUFFERSIZE, log_buffer, 500);
  EXPECT(mvTestLoggingInit, PARAMETERFAULT, NOWHERE, 512);
  EXPECT(mvTestLoggingInit, INVALIDBUFFERALIGNMENT, log_buffer + 8, 512);
  struct MvNotificationSetup setup = setup_of(62, log_buffer, 32);
  MvNotificationHandle centre = 0;
  mvSetupNotifications(&setup, &centre);
  EXPECT(mvTestLoggingInit, BUFFERALREADYINUSE, log_buffer, 1024);
  mvCloseNotifications(&centre);
  EXPECT(mvTestLog, UNAVAILABLE, text, 5);
  mvTestLoggingInit(log_buffer, 1024);
  EXPECT(mvTestLog, PARAMETERFAULT, NOWHERE, 5);
  EXPECT(mvTestLog, LOGMESSAGETOOLONG, text, 1025);
  mvTestLog(text, 900);
  EXPECT(mvTestLog, INVALIDBUFFERSIZE, text, 900);
  print("done");
  mvTestingComplete(parameters.value);
  print("still here");
}

int main(void) {
  console_start();
  print("begin");
  switch (parameters.kind) {
    case KIND_UNCONNECTED: unconnected(); break;
    case KIND_CONNECTED: connected(); break;
    default: factory(); break;
  }
  print("done");
  for (;;) __asm__ volatile("wfi");
}
