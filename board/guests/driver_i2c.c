/* I2C1 at 100 kHz against an EEPROM with 16-bit addresses at 0x50 and an empty rest of the bus: scan, memory
 * write and read of more than 255 bytes polled, and plain transfers by interrupt, as the vendor's I2C driver
 * goes about it. */
#include "driver.h"

#define I2C 0x50005400u
#define EVENT_LINE 55
#define EEPROM 0x50u
#define SIZE 300u
#define CR2 REGISTER(I2C + 0x04)
#define ISR REGISTER(I2C + 0x18)
#define ICR REGISTER(I2C + 0x1C)
enum { TXE = 1, TXIS = 2, RXNE = 4, NACKF = 16, STOPF = 32, TC = 64, TCR = 128, BUSY = 1 << 15 };
#define READ (1u << 10)
#define START (1u << 13)
#define STOP (1u << 14)
#define RELOAD (1u << 24)
#define AUTOEND (1u << 25)

static uint8_t pattern[SIZE], copy[SIZE];

static void start_bus(void) {
  set_field(RCC + 0xE0, 10, 3, 0);
  set_bits(RCC + 0x9C, 1u << 21);
  (void)REGISTER(RCC + 0x9C);
  for (unsigned pin = 6; pin <= 7; ++pin) {
    start_pin('B', pin, 2, 4);
    set_bits(GPIO('B') + 4, 1u << pin);
  }
  clear_bits(I2C, 1);
  REGISTER(I2C + 0x10) = 0x30909DECu; /* 100 kHz from 160 MHz */
  clear_bits(I2C + 0x08, 1u << 15);
  REGISTER(I2C + 0x08) = 1u << 15;
  set_bits(I2C + 0x04, AUTOEND | 1u << 15);
  REGISTER(I2C) = 0;
  set_bits(I2C, 1);
}

static void wait(uint32_t flag, uint32_t number) {
  check(wait_until(I2C + 0x18, flag, flag, 25), number);
  check((ISR & NACKF) == 0, number);
}

static void configure(uint32_t count, uint32_t mode) {
  CR2 = (CR2 & ~0x03FF67FFu) | EEPROM << 1 | count << 16 | mode;
}

static void finish_transfer(uint32_t number) {
  wait(STOPF, number);
  ICR = STOPF;
  CR2 = CR2 & ~0x01FF17FFu;
  check((CR2 & (START | STOP)) == 0, number);
  check((ISR & (BUSY | TXE)) == TXE, number);
}

static unsigned scan(void) {
  unsigned found = 0;
  for (uint32_t address = 1; address < 128; ++address) {
    check((ISR & BUSY) == 0, 10);
    CR2 = START | AUTOEND | address << 1;
    const uint32_t start = ticks;
    while ((ISR & (STOPF | NACKF)) == 0) check(ticks - start < 10, 11);
    const bool nobody = (ISR & NACKF) != 0;
    check(wait_until(I2C + 0x18, STOPF, STOPF, 10), 12);
    if (nobody) ICR = NACKF;
    ICR = STOPF;
    if (!nobody) {
      check(address == EEPROM, 13);
      ++found;
    }
  }
  return found;
}

static void send_address(uint32_t address, uint32_t flag, uint32_t number) {
  wait(TXIS, number);
  REGISTER(I2C + 0x28) = address >> 8;
  wait(TXIS, number);
  REGISTER(I2C + 0x28) = address & 0xFF;
  wait(flag, number);
}

static uint32_t next_chunk(uint32_t left, uint32_t mode) {
  const uint32_t chunk = left > 255 ? 255 : left;
  configure(chunk, (left > 255 ? RELOAD : AUTOEND) | mode);
  return chunk;
}

static void memory_write(uint32_t address) {
  check(wait_until(I2C + 0x18, BUSY, 0, 25), 20);
  configure(2, RELOAD | START);
  send_address(address, TCR, 21);
  uint32_t chunk = next_chunk(SIZE, 0);
  for (uint32_t i = 0; i < SIZE; ++i) {
    wait(TXIS, 22);
    REGISTER(I2C + 0x28) = pattern[i];
    if (--chunk != 0 || i + 1 == SIZE) continue;
    wait(TCR, 23);
    chunk = next_chunk(SIZE - 1 - i, 0);
  }
  finish_transfer(24);
}

static void memory_read(uint32_t address) {
  check(wait_until(I2C + 0x18, BUSY, 0, 25), 30);
  configure(2, START);
  send_address(address, TC, 31);
  uint32_t chunk = next_chunk(SIZE, START | READ);
  for (uint32_t i = 0; i < SIZE; ++i) {
    wait(RXNE, 32);
    copy[i] = (uint8_t)REGISTER(I2C + 0x24);
    if (--chunk != 0 || i + 1 == SIZE) continue;
    wait(TCR, 33);
    chunk = next_chunk(SIZE - 1 - i, READ);
  }
  finish_transfer(34);
}

static void compare(uint32_t number) {
  for (uint32_t i = 0; i < SIZE; ++i) check(copy[i] == pattern[i], number);
  for (uint32_t i = 0; i < SIZE; ++i) copy[i] = 0;
}

/* --- by interrupt: one event a call, NACK first */

static uint8_t* volatile place;
static volatile uint32_t left, chunk_left, direction;
static volatile bool ended;

void interrupt(unsigned line) {
  const uint32_t flags = ISR;
  check(line == EVENT_LINE, 90);
  check((flags & NACKF) == 0, 91);
  if ((flags & RXNE) != 0) {
    *place = (uint8_t)REGISTER(I2C + 0x24);
    ++place, --left, --chunk_left;
  } else if ((flags & TXIS) != 0) {
    REGISTER(I2C + 0x28) = *place;
    ++place, --left, --chunk_left;
  } else if ((flags & TCR) != 0) {
    check(chunk_left == 0 && left != 0, 92);
    chunk_left = next_chunk(left, direction);
  }
  if ((flags & STOPF) != 0) {
    if ((ISR & RXNE) != 0) return;
    clear_bits(I2C, 0xF6);
    ICR = STOPF;
    CR2 = CR2 & ~0x01FF17FFu;
    ended = true;
  }
}

static void transfer_by_interrupt(uint8_t* bytes, uint32_t count, uint32_t mode, uint32_t number) {
  check((ISR & BUSY) == 0, number);
  place = bytes;
  left = count;
  direction = mode;
  ended = false;
  chunk_left = next_chunk(count, mode | START);
  set_bits(I2C, mode == READ ? 0xF4 : 0xF2);
  const uint32_t start = ticks;
  while (!ended) check(ticks - start < 100, number + 1);
  check(left == 0, number + 2);
}

void main(void) {
  start_program();
  start_ticks();
  raise_clock(60);
  for (uint32_t i = 0; i < SIZE; ++i) pattern[i] = (uint8_t)(7 * i + 3);
  start_bus();
  check(scan() == 1, 14);
  memory_write(0x0123);
  memory_read(0x0123);
  compare(40);
  enable_line(EVENT_LINE);
  uint8_t address[2] = {0x01, 0x23};
  transfer_by_interrupt(address, 2, 0, 50);
  transfer_by_interrupt(copy, SIZE, READ, 54);
  compare(58);
  finish(0);
}
