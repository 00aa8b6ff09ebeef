/* Lines for the log and for USART2. A line on the serial port carries the wall clock, 1970 as long as it is
 * not set. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "driver.h"

#ifndef LOG_BUFFER_SIZE
#define LOG_BUFFER_SIZE 4096
#endif

static uint8_t log_buffer[LOG_BUFFER_SIZE] __attribute__((aligned(512)));
static bool logging, serial;

void log_server(const char* text) {
  if (!logging) {
    logging = true;
    mvServerLoggingInit(log_buffer, sizeof log_buffer);
  }
  mvServerLog((const uint8_t*)text, (uint16_t)strlen(text));
}

static void print_with_time(const char* text) {
  char stamp[48];
  uint64_t microseconds = 0;
  mvGetWallTime(&microseconds);
  const time_t seconds = (time_t)(microseconds / 1000000);
  const size_t length = strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", gmtime(&seconds));
  snprintf(stamp + length, sizeof stamp - length, ".%03u ", (unsigned)(microseconds % 1000000 / 1000));
  for (const char* c = stamp; *c != 0; ++c) serial_write(c, 1);
  for (const char* c = text; *c != 0; ++c) serial_write(c, 1);
  serial_write("\r\n", 2);
}

void report(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (!serial) serial = serial_start();
  log_server(line);
  print_with_time(line);
}

void failed(const char* where, int line) {
  report("assertion failed: %s:%d", where, line);
  for (;;) {
  }
}
