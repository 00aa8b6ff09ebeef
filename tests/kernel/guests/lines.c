/* The interrupt controller as the application finds it: which lines it has, and in what order they come. */
#include "guest.h"

#define NVIC_ICER 0xE000E180u
#define NVIC_IABR 0xE000E300u
#define NVIC_ITNS 0xE000E380u
#define LINES 126u

static volatile uint32_t order[16], count, nest;

static void note(uint32_t what) { order[count++ % 16] = what; }

static void handle(uint32_t line) {
  uint32_t ipsr = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  if (ipsr != line + 16 || (REG(NVIC_IABR + 4) & (1u << (line - 32))) == 0) note(900);
  note(line);
}

static void pend(uint32_t line) {
  REG(NVIC_ISPR + 4) = 1u << (line - 32);
  __asm__ volatile("dsb\n\tisb");
}

void TIM1_BRK_IRQHandler(void) { handle(41); }
void TIM6_IRQHandler(void) { handle(49); }
void TIM7_IRQHandler(void) {
  handle(50);
  if (nest) {
    pend(52); /* more urgent: comes at once */
    pend(41); /* less urgent: later */
    note(500);
  }
}
void TIM8_BRK_IRQHandler(void) { handle(51); }
void TIM8_UP_IRQHandler(void) { handle(52); }

static void print_order(const char* name) {
  print(name);
  for (uint32_t i = 0; i < count; ++i) print_number("-", order[i]);
  count = 0;
}

static void masks(uint32_t bits) { __asm__ volatile("msr basepri, %0\n\tisb" : : "r"(bits)); }

/* What of each register can be set, as a mask of lines. */
static void print_lines(const char* name, uint32_t set, uint32_t clear) {
  for (uint32_t word = 0; word < 4; ++word) {
    REG(set + 4 * word) = 0xFFFFFFFF;
    print_hex(name, REG(set + 4 * word));
    REG(clear + 4 * word) = 0xFFFFFFFF;
    if (REG(set + 4 * word) != 0) print("not cleared");
  }
}

int main(void) {
  uint32_t words[4] = {0, 0, 0, 0};
  console_start();
  __asm__ volatile("cpsid i");
  print_lines("pend", NVIC_ISPR, NVIC_ICPR);
  print_lines("enable", NVIC_ISER, NVIC_ICER);
  for (uint32_t line = 0; line < LINES; ++line) {
    REG8(NVIC_IPR + line) = 0xA5; /* four bits of priority */
    if (REG8(NVIC_IPR + line) == 0xA0) words[line / 32] |= 1u << (line % 32);
    REG8(NVIC_IPR + line) = 0;
  }
  for (uint32_t word = 0; word < 4; ++word) print_hex("priority", words[word]);
  for (uint32_t word = 0; word < 4; ++word) {
    REG(NVIC_ITNS + 4 * word) = 0;
    print_hex("itns", REG(NVIC_ITNS + 4 * word));
  }

  REG8(NVIC_IPR + 41) = REG8(NVIC_IPR + 49) = REG8(NVIC_IPR + 51) = 0x40;
  REG8(NVIC_IPR + 50) = 0x20;
  REG8(NVIC_IPR + 52) = 0x10;
  REG(NVIC_ISER + 4) = (1u << 9) | (1u << 17) | (1u << 18) | (1u << 19) | (1u << 20);
  pend(51);
  pend(49);
  pend(50);
  pend(41);
  __asm__ volatile("cpsie i\n\tisb");
  print_order("by priority");
  nest = 1;
  pend(50);
  nest = 0;
  print_order("nested");
  masks(0x40);
  pend(49);
  pend(50);
  note(600);
  masks(0);
  print_order("masked");
  REG(NVIC_ICER + 4) = 1u << 17;
  pend(49);
  note(700);
  REG(NVIC_ICPR + 4) = 1u << 17;
  REG(NVIC_ISER + 4) = 1u << 17;
  __asm__ volatile("dsb\n\tisb");
  print_order("taken back");
  print("done");
  for (;;) __asm__ volatile("nop");
  return 0;
}
