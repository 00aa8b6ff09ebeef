/* I2C1 as a controller, polled (RM0456 chapter 65). CR2 is rewritten field by field, so START and STOP must
 * read 0 again by the time of the next write. */
#include "driver.h"

#define I2C1 0x40005400u
#define CR1 REGISTER(I2C1 + 0x00)
#define CR2 REGISTER(I2C1 + 0x04)
#define ISR REGISTER(I2C1 + 0x18)
#define ICR REGISTER(I2C1 + 0x1C)

enum {
  TXE = 1 << 0,
  TXIS = 1 << 1,
  RXNE = 1 << 2,
  NACKF = 1 << 4,
  STOPF = 1 << 5,
  TC = 1 << 6,
  BUSY = 1 << 15
};
enum { READ = 1 << 10, START = 1 << 13, STOP = 1 << 14, AUTOEND = 1 << 25 };
#define FIELDS 0x03FF67FFu /* SADD, RD_WRN, START, STOP, NBYTES, RELOAD, AUTOEND */

void i2c_start(void) {
  poke_whole(RCC + 0xE0, peek(RCC + 0xE0) & ~(3u << 10)); /* PCLK1 */
  for (unsigned pin = 6; pin <= 9; pin += 3) {
    pin_start(&(struct pin_setup){
        .port = GPIOB, .pin = pin, .mode = PIN_ALTERNATE, .alternate = 4, .open_drain = true});
  }
  poke_set(RCC + 0x9C, 1u << 21);
  CR1 = CR1 & ~1u;
  REGISTER(I2C1 + 0x10) = 0x00C01F67u;
  REGISTER(I2C1 + 0x08) = REGISTER(I2C1 + 0x08) & ~(1u << 15);
  REGISTER(I2C1 + 0x08) = 1u << 15;
  CR2 = CR2 & ~(1u << 11);
  CR2 = CR2 | AUTOEND | 1u << 15;
  REGISTER(I2C1 + 0x0C) = REGISTER(I2C1 + 0x0C) & ~(1u << 15);
  REGISTER(I2C1 + 0x0C) = 0;
  CR1 = 0;
  CR1 = CR1 | 1;
  CR1 = CR1 & ~1u; /* the analogue filter is set with the block off */
  CR1 = CR1 & ~(1u << 12);
  CR1 = CR1 | 1;
}

static bool wait_any(uint32_t flags, uint32_t limit) {
  const uint32_t start = tick();
  while ((ISR & flags) == 0) {
    if (tick() - start > limit) return false;
  }
  return true;
}

/* After a NACK: STOPF follows by itself, TXDR is flushed, and the transfer's fields of CR2 are cleared. */
static enum i2c_result give_up(void) {
  if (!wait_any(STOPF, 25)) return I2C_TIMEOUT;
  ICR = NACKF;
  ICR = STOPF;
  if ((ISR & TXIS) != 0) REGISTER(I2C1 + 0x28) = 0;
  if ((ISR & TXE) == 0) ISR = ISR | TXE;
  CR2 = CR2 & ~0x01FF17FFu;
  return I2C_NOBODY;
}

static enum i2c_result wait_for(uint32_t flag) {
  if (!wait_any(flag | NACKF, 25)) return I2C_TIMEOUT;
  return (ISR & NACKF) != 0 ? give_up() : I2C_OK;
}

static void transfer(uint8_t address, size_t count, uint32_t mode) {
  CR2 = (CR2 & ~FIELDS) | (uint32_t)address << 1 | (uint32_t)count << 16 | mode;
}

static enum i2c_result finish(void) {
  const enum i2c_result result = wait_for(STOPF);
  if (result != I2C_OK) return result;
  ICR = STOPF;
  CR2 = CR2 & ~0x01FF17FFu;
  return I2C_OK;
}

enum i2c_result i2c_probe(uint8_t address) {
  if ((ISR & BUSY) != 0) return I2C_TIMEOUT;
  CR2 = (uint32_t)address << 1 | AUTOEND | START;
  if (!wait_any(STOPF | NACKF, 100)) return I2C_TIMEOUT;
  const bool nobody = (ISR & NACKF) != 0;
  if (!wait_any(STOPF, 100)) return I2C_TIMEOUT;
  if (nobody) ICR = NACKF;
  ICR = STOPF;
  return nobody ? I2C_NOBODY : I2C_OK;
}

enum i2c_result i2c_read_register(uint8_t address, uint8_t index, uint8_t* bytes, size_t count) {
  if ((ISR & BUSY) != 0) return I2C_TIMEOUT;
  transfer(address, 1, START);
  enum i2c_result result = wait_for(TXIS);
  if (result != I2C_OK) return result;
  REGISTER(I2C1 + 0x28) = index;
  result = wait_for(TC);
  if (result != I2C_OK) return result;
  transfer(address, count, START | READ | AUTOEND);
  for (size_t i = 0; i < count; ++i) {
    if (!wait_any(RXNE, 25)) return I2C_TIMEOUT;
    bytes[i] = (uint8_t)REGISTER(I2C1 + 0x24);
  }
  return finish();
}

enum i2c_result i2c_write(uint8_t address, const uint8_t* bytes, size_t count) {
  if ((ISR & BUSY) != 0) return I2C_TIMEOUT;
  transfer(address, count, START | AUTOEND);
  for (size_t i = 0; i < count; ++i) {
    const enum i2c_result result = wait_for(TXIS);
    if (result != I2C_OK) return result;
    REGISTER(I2C1 + 0x28) = bytes[i];
  }
  return finish();
}
