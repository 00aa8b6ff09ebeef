/* Does all that the parameter's lowest byte says, at once and for ever; the next byte is its version. What it
 * has begun it says once: the serial line would slow it down. */
#include "tick.h"

enum {
  CRASH = 1,    /* at once, in each run */
  HANG = 2,     /* in an interrupt handler of the most urgent priority, which never returns */
  MASK = 4,     /* no interrupt of its own is ever taken */
  FILL = 8,     /* erases and writes the external flash, from its start to its end and again */
  FLOOD = 16,   /* logs the longest messages as fast as it can */
  RESTLESS = 32 /* asks for the network and lets go of it without end */
};

#define SECTOR 4096u
#define PIECE 512u

static uint8_t log_buffer[32 * 1536] __attribute__((aligned(512)));
static uint8_t message[1024], piece[PIECE];
static MvExternalFlashHandle flash;
static uint32_t flash_size, erased;

/* A part of the image, so that there is something to fetch. */
static const volatile uint8_t ballast[60000] = {[0] = 1};

void TIM6_IRQHandler(void) {
  for (;;) __asm__ volatile("nop");
}

static void hang(void) {
  REG8(NVIC_IPR + 49) = 0;
  REG(NVIC_ISER + 4) = 1u << 17;
  REG(NVIC_ISPR + 4) = 1u << 17;
  __asm__ volatile("dsb\n\tisb");
}

static void fill_a_piece(void) {
  static uint32_t at;
  if (at % SECTOR == 0 && mvExternalFlashEraseBlocking(flash, at, SECTOR) == MV_STATUS_OKAY) ++erased;
  mvExternalFlashWriteBlocking(flash, at, PIECE, piece);
  at = (at + PIECE) % flash_size;
}

static void ask_and_let_go(void) {
  const struct MvRequestNetworkParams params = {.version = 1};
  MvNetworkHandle network = 0;
  if (mvRequestNetwork(&params, &network) == MV_STATUS_OKAY) mvReleaseNetwork(&network);
}

static void prepare(uint32_t kind) {
  struct MvExternalFlashInfo info = {.version = 1};
  for (uint32_t i = 0; i < sizeof message; ++i) message[i] = 'x';
  if ((kind & FLOOD) != 0) mvServerLoggingInit(log_buffer, sizeof log_buffer);
  if ((kind & FILL) != 0) {
    mvExternalFlashOpen(&flash);
    mvExternalFlashGetInfo(flash, &info);
    flash_size = info.v1.size;
  }
}

int main(void) {
  const uint32_t kind = parameters.kind & 0xFF;
  uint8_t reason = 0;
  int said = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("version", parameters.kind >> 8);
  print_number("start", reason);
  if (ballast[0] == 0) return 0;
  prepare(kind);
  if ((kind & MASK) != 0) __asm__ volatile("cpsid i\n\tcpsid f");
  if ((kind & CRASH) != 0) __asm__ volatile("udf #0");
  if ((kind & HANG) != 0) hang();
  while (kind != 0) {
    if ((kind & FLOOD) != 0) mvServerLog(message, sizeof message);
    if ((kind & FILL) != 0) fill_a_piece();
    if ((kind & RESTLESS) != 0) ask_and_let_go();
    if (!said && ((kind & FILL) == 0 || erased == 2)) {
      said = 1;
      print("at work");
    }
  }
  start_tick();
  for (;;) sleep();
}
