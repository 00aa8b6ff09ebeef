/* USART1 at 115200 baud against a peer that sends each line back: polled, to the idle line, by interrupt, and
 * by interrupt with the FIFO, as the vendor's UART driver goes about it. */
#include "driver.h"

#define USART 0x50013800u
#define LINE 61
enum { ORE = 1 << 3, IDLE = 1 << 4, RXNE = 1 << 5, TC = 1 << 6, TXE = 1 << 7, RTOF = 1 << 11 };
enum { IDLEIE = 1 << 4, RXNEIE = 1 << 5, TCIE = 1 << 6, TXEIE = 1 << 7, PEIE = 1 << 8 };
#define TXFTIE (1u << 23)
#define RXFTIE (1u << 28)
#define ISR REGISTER(USART + 0x1C)
#define TEXT "The quick brown fox jumps over the lazy dog.\n"
#define LENGTH (sizeof TEXT - 1)

static char received[64];
static volatile unsigned received_count, expected_count, sent_count;
static volatile bool sent, complete;

static void start_port(bool fifo) {
  set_bits(RCC + 0xA4, 1u << 14);
  (void)REGISTER(RCC + 0xA4);
  start_pin('A', 9, 2, 7);
  start_pin('A', 10, 2, 7);
  clear_bits(USART, 1);
  REGISTER(USART) = (REGISTER(USART) & ~0x1000962Cu) | 3u << 2;
  REGISTER(USART + 0x0C) = (core_clock + 57600) / 115200;
  set_bits(USART, 1);
  check(wait_until(USART + 0x1C, 3u << 21, 3u << 21, 1000), 1);
  clear_bits(USART, 1);
  set_field(USART + 0x08, 29, 7, fifo ? 2 : 0); /* TXFT: half free */
  set_field(USART + 0x08, 25, 7, fifo ? 2 : 0); /* RXFT: half full */
  set_field(USART, 29, 1, fifo);
  set_bits(USART, 1);
  check(wait_until(USART + 0x1C, 3u << 21, 3u << 21, 1000), 2);
}

static void transmit(const char* bytes, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    check(wait_until(USART + 0x1C, TXE, TXE, 10), 3);
    REGISTER(USART + 0x28) = (uint8_t)bytes[i];
  }
  check(wait_until(USART + 0x1C, TC, TC, 10), 4);
}

static void check_text(unsigned count, uint32_t number) {
  check(count == LENGTH, number);
  for (unsigned i = 0; i < count; ++i) check(received[i] == TEXT[i], number + 1);
  for (unsigned i = 0; i < sizeof received; ++i) received[i] = 0;
}

static void polled(void) {
  transmit(TEXT, LENGTH);
  for (unsigned i = 0; i < LENGTH; ++i) {
    check(wait_until(USART + 0x1C, RXNE, RXNE, 10), 10);
    received[i] = (char)REGISTER(USART + 0x24);
  }
  check_text(LENGTH, 11);
  check((ISR & ORE) == 0, 13);
}

static void to_idle(void) {
  transmit(TEXT, LENGTH);
  REGISTER(USART + 0x20) = IDLE;
  unsigned count = 0;
  const uint32_t start = ticks;
  for (;;) {
    if ((ISR & IDLE) != 0) {
      REGISTER(USART + 0x20) = IDLE;
      if (count != 0) break;
    }
    if ((ISR & RXNE) != 0) received[count++] = (char)REGISTER(USART + 0x24);
    check(ticks - start < 100, 20);
  }
  check_text(count, 21);
}

/* --- by interrupt */

static void receive_some(void) {
  while ((ISR & RXNE) != 0 && received_count < expected_count) {
    received[received_count] = (char)REGISTER(USART + 0x24);
    received_count = received_count + 1;
    if ((REGISTER(USART) & 1u << 29) == 0) break;
  }
  if (received_count < expected_count) return;
  clear_bits_exclusively(USART, RXNEIE | PEIE | IDLEIE);
  clear_bits_exclusively(USART + 0x08, 1 | RXFTIE);
  complete = true;
}

static void send_some(void) {
  while ((ISR & TXE) != 0 && sent_count < LENGTH) {
    REGISTER(USART + 0x28) = (uint8_t)TEXT[sent_count];
    sent_count = sent_count + 1;
    if ((REGISTER(USART) & 1u << 29) == 0) break;
  }
  if (sent_count < LENGTH) return;
  clear_bits_exclusively(USART, TXEIE);
  clear_bits_exclusively(USART + 0x08, TXFTIE);
  set_bits_exclusively(USART, TCIE);
}

void interrupt(unsigned line) {
  const uint32_t flags = ISR, control = REGISTER(USART), control3 = REGISTER(USART + 0x08);
  check(line == LINE, 90);
  check((flags & 0xF) == 0, 91);
  if ((flags & RXNE) != 0 && ((control & RXNEIE) != 0 || (control3 & RXFTIE) != 0)) return receive_some();
  if ((flags & IDLE) != 0 && (control & IDLEIE) != 0) {
    REGISTER(USART + 0x20) = IDLE;
    if (received_count == 0) return;
    clear_bits_exclusively(USART, RXNEIE | PEIE | IDLEIE);
    clear_bits_exclusively(USART + 0x08, 1 | RXFTIE);
    complete = true;
    return;
  }
  if ((flags & TXE) != 0 && ((control & TXEIE) != 0 || (control3 & TXFTIE) != 0)) return send_some();
  if ((flags & TC) != 0 && (control & TCIE) != 0) {
    clear_bits_exclusively(USART, TCIE);
    sent = true;
  }
}

/* Reception of `count` bytes, with `idle` also ended by the idle line; then the text goes out while it comes
 * back. */
static void by_interrupt(unsigned count, bool idle, bool fifo, uint32_t number) {
  received_count = sent_count = 0;
  expected_count = count;
  complete = sent = false;
  set_bits_exclusively(USART + 0x08, 1);
  if (fifo) set_bits_exclusively(USART + 0x08, RXFTIE);
  set_bits_exclusively(USART, PEIE | (fifo ? 0 : RXNEIE));
  if (idle) {
    REGISTER(USART + 0x20) = IDLE;
    set_bits_exclusively(USART, IDLEIE);
  }
  if (fifo) {
    set_bits_exclusively(USART + 0x08, TXFTIE);
  } else {
    set_bits_exclusively(USART, TXEIE);
  }
  const uint32_t start = ticks;
  while (!complete || !sent) check(ticks - start < 100, number);
}

void main(void) {
  start_program();
  start_ticks();
  raise_clock(60);
  start_port(false);
  polled();
  to_idle();
  enable_line(LINE);
  by_interrupt(LENGTH, false, false, 30);
  check_text(received_count, 31);
  by_interrupt(sizeof received, true, false, 34);
  check_text(received_count, 35);
  start_port(true);
  polled();
  /* 45 characters: 44 come in fours, the last one stays in the FIFO and is taken when the line goes idle. */
  by_interrupt(sizeof received, true, true, 40);
  if ((ISR & RXNE) != 0) {
    received[received_count] = (char)REGISTER(USART + 0x24);
    received_count = received_count + 1;
  }
  check_text(received_count, 41);
  finish(0);
}
