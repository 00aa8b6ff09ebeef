/* Tasks that a debugger should find: a pre-emptive kernel of our own that keeps them in lists with the names
 * and the structure that FreeRTOS documents (list.h, tasks.c), and saves their registers as its port for
 * Cortex-M33 without TrustZone does. SysTick counts, PendSV switches. */
#include "guest.h"

#define PRIORITIES 5
#define NAME_LENGTH 16
#define STACK_WORDS 192
#define FOR_EVER 0xFFFFFFFFu

struct list;
struct item {
  uint32_t value;
  struct item *next, *previous;
  void* owner;
  struct list* container;
};
struct list {
  volatile uint32_t number;
  struct item* index;
  struct {
    uint32_t value;
    struct item *next, *previous;
  } end;
};
struct task {
  uint32_t* top; /* first: the context switch reads it */
  struct item state, event;
  uint32_t priority;
  uint32_t* stack;
  char name[NAME_LENGTH];
};

struct task* volatile pxCurrentTCB;
static struct list pxReadyTasksLists[PRIORITIES];
static struct list xDelayedTaskList1, xDelayedTaskList2;
static struct list xPendingReadyList, xTasksWaitingTermination, xSuspendedTaskList;
static volatile uint32_t uxCurrentNumberOfTasks, uxTaskNumber, xTickCount;
static volatile uint32_t xSchedulerRunning;

static struct list signal_waiters;
volatile uint32_t rounds, signals, spins;

/* --- lists */

static struct item* end_of(struct list* list) { return (struct item*)(void*)&list->end; }

static void list_clear(struct list* list) {
  list->number = 0;
  list->index = end_of(list);
  list->end.value = FOR_EVER;
  list->end.next = list->end.previous = end_of(list);
}

/* In front of the first with a larger value. */
static void list_insert(struct list* list, struct item* item) {
  struct item* after = end_of(list);
  while (after->next != end_of(list) && after->next->value <= item->value) after = after->next;
  item->next = after->next;
  item->previous = after;
  after->next->previous = item;
  after->next = item;
  item->container = list;
  list->number = list->number + 1;
}

static void list_remove(struct item* item) {
  item->next->previous = item->previous;
  item->previous->next = item->next;
  item->container->number = item->container->number - 1;
  item->container = 0;
}

/* --- tasks */

static void make_ready(struct task* task) {
  task->state.value = 0;
  list_insert(&pxReadyTasksLists[task->priority], &task->state);
}

static void create(struct task* task, const char* name, void (*entry)(void), uint32_t* stack,
                   uint32_t priority) {
  uint32_t* sp = stack + STACK_WORDS;
  for (uint32_t i = 0; i + 1 < NAME_LENGTH && name[i] != 0; ++i) task->name[i] = name[i];
  task->priority = priority;
  task->stack = stack;
  task->state.owner = task->event.owner = task;
  *--sp = 0x01000000;
  *--sp = (uint32_t)(uintptr_t)entry & ~1u;
  for (uint32_t i = 0; i < 14; ++i) *--sp = 0; /* lr, r12, r3 to r0, r11 to r4 */
  *--sp = 0xFFFFFFBC;
  *--sp = (uint32_t)(uintptr_t)stack;
  task->top = sp;
  make_ready(task);
  uxCurrentNumberOfTasks = uxCurrentNumberOfTasks + 1;
  uxTaskNumber = uxTaskNumber + 1;
}

/* The first of the highest priority; equals take turns. */
void switch_task(void) {
  for (uint32_t priority = PRIORITIES; priority-- != 0;) {
    struct list* list = &pxReadyTasksLists[priority];
    if (list->number == 0) continue;
    list->index = list->index->next;
    if (list->index == end_of(list)) list->index = list->index->next;
    pxCurrentTCB = list->index->owner;
    return;
  }
}

static void leave_ready_list(void) {
  struct item* item = &pxCurrentTCB->state;
  if (item->container->index == item) item->container->index = item->previous;
  list_remove(item);
}

static void yield(void) {
  REG(0xE000ED04) = 1u << 28;
  __asm__ volatile("cpsie i\n\tdsb\n\tisb" ::: "memory");
}

__attribute__((noinline)) void delay(uint32_t ticks) {
  __asm__ volatile("cpsid i" ::: "memory");
  leave_ready_list();
  pxCurrentTCB->state.value = xTickCount + ticks;
  list_insert(&xDelayedTaskList1, &pxCurrentTCB->state);
  yield();
}

__attribute__((noinline)) void suspend(void) {
  __asm__ volatile("cpsid i" ::: "memory");
  leave_ready_list();
  list_insert(&xSuspendedTaskList, &pxCurrentTCB->state);
  yield();
}

/* For ever: among the suspended ones, and in the event's list. */
__attribute__((noinline)) void wait_for_signal(void) {
  __asm__ volatile("cpsid i" ::: "memory");
  list_insert(&signal_waiters, &pxCurrentTCB->event);
  leave_ready_list();
  list_insert(&xSuspendedTaskList, &pxCurrentTCB->state);
  yield();
}

__attribute__((noinline)) void signal(void) {
  __asm__ volatile("cpsid i" ::: "memory");
  if (signal_waiters.number != 0) {
    struct task* task = signal_waiters.end.next->owner;
    list_remove(&task->event);
    list_remove(&task->state);
    make_ready(task);
  }
  yield();
}

void SysTick_Handler(void) {
  xTickCount = xTickCount + 1;
  while (xDelayedTaskList1.number != 0 && xDelayedTaskList1.end.next->value <= xTickCount) {
    struct task* task = xDelayedTaskList1.end.next->owner;
    list_remove(&task->state);
    make_ready(task);
  }
  REG(0xE000ED04) = 1u << 28;
}

/* --- switching */

__attribute__((naked)) void PendSV_Handler(void) {
  __asm__ volatile(
      "mrs r0, psp\n\t"
      "tst lr, #0x10\n\t"
      "it eq\n\t"
      "vstmdbeq r0!, {s16-s31}\n\t"
      "mrs r2, psplim\n\t"
      "mov r3, lr\n\t"
      "stmdb r0!, {r2-r11}\n\t"
      "ldr r1, =pxCurrentTCB\n\t"
      "ldr r1, [r1]\n\t"
      "str r0, [r1]\n\t"
      "cpsid i\n\t"
      "bl switch_task\n\t"
      "cpsie i\n\t"
      "ldr r1, =pxCurrentTCB\n\t"
      "ldr r1, [r1]\n\t"
      "ldr r0, [r1]\n\t"
      "ldmia r0!, {r2-r11}\n\t"
      "tst r3, #0x10\n\t"
      "it eq\n\t"
      "vldmiaeq r0!, {s16-s31}\n\t"
      "msr psplim, r2\n\t"
      "msr psp, r0\n\t"
      "bx r3\n\t"
      ".ltorg");
}

/* The first task. */
__attribute__((naked)) void SVC_Handler(void) {
  __asm__ volatile(
      "ldr r1, =pxCurrentTCB\n\t"
      "ldr r1, [r1]\n\t"
      "ldr r0, [r1]\n\t"
      "ldmia r0!, {r2-r11}\n\t"
      "msr psplim, r2\n\t"
      "msr psp, r0\n\t"
      "bx r3\n\t"
      ".ltorg");
}

/* --- what they do */

static struct task idle_task, spin_task, led_task, sensor_task, spare_task;
static uint32_t stacks[5][STACK_WORDS] __attribute__((aligned(8)));

static void idle(void) {
  for (;;) __asm__ volatile("nop");
}

static void spin(void) {
  __asm__ volatile("vmov.f32 s16, #1.5\n\tvmov.f32 s0, #2.5" ::: "s16", "s0");
  for (;;) spins = spins + 1;
}

__attribute__((noinline)) void led_round(uint32_t number) {
  rounds = number;
  if (number % 4 == 0) signal();
}

static void led(void) {
  for (uint32_t number = 1;; ++number) {
    led_round(number);
    delay(5);
  }
}

__attribute__((noinline)) void take_reading(uint32_t reading) {
  volatile uint32_t copy = reading + 1;
  wait_for_signal(); /* take_reading */
  signals = copy;
}

static void sensor(void) {
  for (uint32_t reading = 4711;; reading += 2) take_reading(reading);
}

static void spare(void) {
  suspend();
  for (;;) suspend();
}

int main(void) {
  REG(0xE000ED88) |= 0xFu << 20; /* CPACR: floating point */
  __asm__ volatile("dsb\n\tisb");
  REG(0xE000ED20) |= 0xFFFF0000u; /* SysTick and PendSV: the lowest priority */
  for (uint32_t i = 0; i < PRIORITIES; ++i) list_clear(&pxReadyTasksLists[i]);
  struct list* const others[] = {&xDelayedTaskList1,        &xDelayedTaskList2,  &xPendingReadyList,
                                 &xTasksWaitingTermination, &xSuspendedTaskList, &signal_waiters};
  for (uint32_t i = 0; i < sizeof others / sizeof *others; ++i) list_clear(others[i]);
  create(&idle_task, "IDLE", idle, stacks[0], 0);
  create(&spin_task, "spin", spin, stacks[1], 1);
  create(&led_task, "led", led, stacks[2], 2);
  create(&sensor_task, "sensor", sensor, stacks[3], 3);
  create(&spare_task, "spare", spare, stacks[4], 4);
  switch_task();
  xSchedulerRunning = 1;
  REG(0xE000E014) = 159999; /* 1 ms */
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  __asm__ volatile("svc 0");
  for (;;) {
  }
}
