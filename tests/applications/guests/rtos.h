/* A small pre-emptive kernel with fixed priorities, queues and delays, that treats the core as the widespread
 * ones for this core do: started by a supervisor call, task contexts on process stacks with limits, switches
 * in PendSV at the lowest priority, critical sections by BASEPRI, tick by SysTick. Callable from tasks; what
 * may be called from handlers says so. */
#ifndef RTOS_H
#define RTOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
  uint32_t items[8];
  unsigned first, used;
};

struct task {
  uint32_t* stack_pointer; /* first: the context switch reads it */
  unsigned priority;       /* 0 is the idle task's */
  bool ready;
  uint32_t wake_at; /* in ticks, while timed */
  bool timed;
  const struct queue* waits_for;
};

/* `words` of stack, of which the lowest is the limit. Before rtos_start(). */
void task_create(struct task* task, void (*entry)(void* argument), void* argument, uint32_t* stack,
                 size_t words, unsigned priority);
__attribute__((noreturn)) void rtos_start(void);

uint32_t rtos_ticks(void); /* milliseconds */
void task_delay(uint32_t ticks);
void task_delay_until(uint32_t* last, uint32_t period);

bool queue_send(struct queue* queue, uint32_t item); /* also from handlers; false: full */
bool queue_receive(struct queue* queue, uint32_t* item, uint32_t ticks);

void critical_enter(void);
void critical_leave(void);

#endif
