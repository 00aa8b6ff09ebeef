/* What a test tells guests/caller.c to do, and what came of it: one block at a fixed place in the
 * application's RAM, which the test writes and reads from outside. For C and C++. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdint.h>

#define COMMAND_ADDRESS 0x20020000u
#define ARENA_ADDRESS 0x20030000u /* structures and buffers of the calls, made by the test */
#define ARENA_SIZE 0x8000u
#define RING_ADDRESS 0x20040000u /* of the notification centre made at the start: 8 records */
#define LOG_ADDRESS 0x20040200u  /* log buffer */
#define LOG_SIZE 2048u
#define COMMAND_WRITES 16u
#define COMMAND_HANDLES 9u
#define SEND_BUFFERS_ADDRESS 0x20050000u /* of the channels that carry messages */
#define SEND_BUFFERS_SIZE 0x3000u
#define RECEIVE_BUFFERS_ADDRESS 0x20054000u
#define SPARE_STACK_TOP 0x20028000u /* a stack for calls that are made on one of their own */

enum command_state { COMMAND_WAITING, COMMAND_GO, COMMAND_DONE };

enum command_context {
  CONTEXT_THREAD,
  CONTEXT_HANDLER,      /* from TIM6's handler */
  CONTEXT_HANDLER_TAIL, /* that handler's last act is to branch to the target */
  CONTEXT_PRIMASK,
  CONTEXT_FAULTMASK,
  CONTEXT_BASEPRI,
  CONTEXT_IF_THEN, /* the branch stands in an IT block */
  CONTEXT_JUMP,    /* with `link` in LR instead of the address behind the call */
  CONTEXT_FORGED,  /* from TIM6's handler, which returns by EXC_RETURN `link` through a frame with PC = target
                    */
  CONTEXT_NONE     /* only the writes and the wait */
};

struct command {
  uint32_t state;
  uint32_t context;
  uint32_t target; /* address of the gate, bit 0 set */
  uint32_t r[4];
  uint32_t link;
  uint32_t control; /* CONTROL for the call: bit 0 unprivileged, bit 1 process stack */
  uint32_t stack;   /* stack pointer for the call; 0: leave it */
  uint32_t limit;   /* its limit */
  uint32_t wait;    /* rounds of an empty loop after the call */

  /* What the handler of TIM7 does, which the test pends: a call of its own if there is a target. */
  uint32_t handler_target;
  uint32_t handler_r[4];

  /* Register writes before the call. */
  uint32_t writes;
  uint32_t write[COMMAND_WRITES][2];

  /* Results. */
  uint32_t returned; /* calls that came back */
  uint32_t after[4]; /* r0 to r3 */
  uint32_t r12, flags, stack_after;
  uint32_t kept[8]; /* r4 to r11 */
  uint32_t stack_before;
  uint32_t handler_runs, handler_status;
  uint32_t runs; /* commands carried out since the start */

  /* Objects made at the start, by kind: notification centre, network, opaque channel, system event, external
   * flash; channels for MQTT, HTTP and configuration; and the network interface. */
  uint32_t handle[COMMAND_HANDLES];
  uint32_t call_site, return_site; /* addresses of the branch and of what follows it */
};

#endif
