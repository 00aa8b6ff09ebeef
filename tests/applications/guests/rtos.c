/* Tasks, queues and time of the small kernel. Everything that tasks and handlers share is touched in critical
 * sections. */
#include "rtos.h"

#include "driver.h"
#include "rtos_port.h"

#define TASKS 6
#define IDLE_STACK 128

struct task* volatile current_task;
static struct task* tasks[TASKS];
static unsigned task_count;
static volatile uint32_t ticks;
static volatile unsigned nesting;
static struct task idle;
static uint32_t idle_stack[IDLE_STACK] __attribute__((aligned(8)));

void critical_enter(void) {
  port_mask();
  ++nesting;
}

void critical_leave(void) {
  ASSERT(nesting != 0);
  if (--nesting == 0) port_unmask();
}

/* --- tasks */

static void task_ended(void) { ASSERT(false); }

void task_create(struct task* task, void (*entry)(void*), void* argument, uint32_t* stack, size_t words,
                 unsigned priority) {
  ASSERT(task_count < TASKS);
  *task = (struct task){.priority = priority, .ready = true};
  task->stack_pointer = port_first_frame(stack, words, entry, argument, task_ended);
  tasks[task_count++] = task;
}

/* The first ready one of the highest priority behind the current one, so that equals take turns. */
void switch_task(void) {
  unsigned from = 0;
  struct task* best = 0;
  while (from < task_count && tasks[from] != current_task) ++from;
  for (unsigned i = 1; i <= task_count; ++i) {
    struct task* candidate = tasks[(from + i) % task_count];
    if (candidate->ready && (best == 0 || candidate->priority > best->priority)) best = candidate;
  }
  current_task = best;
}

static void idle_loop(void* argument) {
  for (;;) argument = argument;
}

void rtos_start(void) {
  task_create(&idle, idle_loop, 0, idle_stack, IDLE_STACK, 0);
  switch_task();
  port_check();
  nesting = 0;
  port_start();
}

/* --- time */

uint32_t rtos_ticks(void) { return ticks; }

bool rtos_tick(void) {
  ++ticks;
  for (unsigned i = 0; i < task_count; ++i) {
    struct task* task = tasks[i];
    if (!task->timed || (int32_t)(ticks - task->wake_at) < 0) continue;
    task->timed = false;
    task->ready = true;
    task->waits_for = 0;
  }
  return true;
}

static void sleep_until(uint32_t moment) {
  critical_enter();
  current_task->wake_at = moment;
  current_task->timed = true;
  current_task->ready = false;
  port_yield();
  critical_leave();
}

void task_delay(uint32_t wait) { sleep_until(ticks + wait); }

void task_delay_until(uint32_t* last, uint32_t period) {
  *last += period;
  if ((int32_t)(*last - ticks) > 0) sleep_until(*last);
}

/* --- queues */

bool queue_send(struct queue* queue, uint32_t item) {
  const uint32_t mask = port_mask_from_handler();
  const bool room = queue->used < 8;
  if (room) {
    queue->items[(queue->first + queue->used) % 8] = item;
    ++queue->used;
    for (unsigned i = 0; i < task_count; ++i) {
      if (tasks[i]->waits_for != queue) continue;
      tasks[i]->waits_for = 0;
      tasks[i]->timed = false;
      tasks[i]->ready = true;
      port_yield();
    }
  }
  port_unmask_from_handler(mask);
  return room;
}

bool queue_receive(struct queue* queue, uint32_t* item, uint32_t wait) {
  const uint32_t end = ticks + wait;
  for (;;) {
    critical_enter();
    if (queue->used != 0) {
      *item = queue->items[queue->first];
      queue->first = (queue->first + 1) % 8;
      --queue->used;
      critical_leave();
      return true;
    }
    if ((int32_t)(ticks - end) >= 0) {
      critical_leave();
      return false;
    }
    current_task->waits_for = queue;
    current_task->wake_at = end;
    current_task->timed = true;
    current_task->ready = false;
    port_yield();
    critical_leave();
  }
}
