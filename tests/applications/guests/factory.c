/* The test application of a production line: it logs to the line's console, and says what came of it. */
#include "driver.h"

#ifndef VERDICT
#define VERDICT 0
#endif

static uint8_t log_buffer[1024] __attribute__((aligned(512)));

static void say(const char* text) {
  uint16_t length = 0;
  while (text[length] != 0) ++length;
  ASSERT(mvTestLog((const uint8_t*)text, length) == MV_STATUS_OKAY);
}

int main(void) {
  uint64_t now = 0;
  ASSERT(mvTestLoggingInit(log_buffer, sizeof log_buffer) == MV_STATUS_OKAY);
  say("line test begins");
  while (mvGetMicroseconds(&now) == MV_STATUS_OKAY && now < 4000000) continue;
  say("line test ends");
  const enum MvStatus status = mvTestingComplete(VERDICT);
  ASSERT(status != MV_STATUS_UNAVAILABLE);
  say("nobody says this");
  for (;;) continue;
}
