// TIM5 counts microseconds. Its compare 1 is the scheduler's next step, compare 2 the next alarm (the
// worker's waking time, notifications held back); its overflow extends the clock to 64 bits.
#include "firmware/kernel/resident/scheduler.hpp"

#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/drivers/stm32u5/tim.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/stacks.hpp"
#include "firmware/kernel/resident/trap.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

extern "C" {
WorkerContext worker_context;
std::uint32_t scheduler_begin_slice();
void scheduler_worker_yielded();
void watchdog_warned(std::uint32_t exc_return);
std::uint32_t scheduler_timer(std::uint32_t exc_return, const std::uint32_t* sp);
}

namespace {

enum class Phase : std::uint8_t { Waiting, Share, Pended, Running };

constexpr std::uint32_t kPendSv = 14;
constexpr std::uint64_t kNoAlarm = ~std::uint64_t{0};
constexpr std::uint64_t kLongestAlarm = 0x4000'0000;  // compare registers see 32 bits
constexpr std::uint64_t kFeedInterval = 1'000'000;    // of the watchdog
constexpr std::uint32_t kThreadPatience = 10'000'000;

struct State {
  Phase phase = Phase::Waiting;
  bool application_runs = false;
  bool compatible = false;
  bool boosted = false;
  bool debugging = false;
  bool stands = false;            // the debugger has halted the application
  bool ready = false;             // the worker has something to do
  bool waits_for_event = false;   // worker_wake() makes it ready
  bool woken = false;             // worker_wake() was called
  bool errand_wanted = false;     // worker_request_errand() was called
  bool warned = false;            // by the watchdog, and the reset is to come
  bool accused = false;           // the application has been ended, since a handler of its does not return
  std::uint32_t thread_seen = 0;  // TIM5's count when thread mode last showed that it lives
  std::uint32_t no_park = 0;
  std::uint32_t slice_used = 0;  // microseconds of the slice that have passed
  std::uint32_t parked_at = 0;   // TIM5's count
  std::uint64_t wake_at = kNoAlarm;
  std::uint64_t tasklet_at = kNoAlarm;
  void (*errand)() = nullptr;
};
State state;
volatile std::uint32_t overflows = 0;
volatile std::uint32_t slices = 0;  // for whoever looks at the kernel from outside

/// The worker's, unless it is boosted.
std::uint8_t own_priority() {
  if (state.debugging) return kPriorityWorkerBoosted;
  return state.compatible ? kPriorityWorkerCompatible : kPriorityWorker;
}

void set_worker_priority(std::uint8_t priority) { scb().shpr[priority_index(kPendSv)] = priority; }
void set_timer_priority(std::uint8_t priority) { nvic().ipr[kLineTim5] = priority; }

/// Arms compare register `channel` for `microseconds` from now; the event is not lost if that has passed
/// meanwhile.
void arm(unsigned channel, std::uint32_t microseconds) {
  Tim& timer = tim5();
  const std::uint32_t flag = Tim::kCompare1 << channel;
  const std::uint32_t due = timer.cnt + microseconds;
  timer.ccr[channel] = due;
  timer.sr = ~flag;
  timer.dier = timer.dier | flag;
  if (static_cast<std::int32_t>(timer.cnt - due) >= 0) timer.egr = flag;
}

void disarm(unsigned channel) { tim5().dier = tim5().dier & ~(Tim::kCompare1 << channel); }

void arm_step(std::uint32_t microseconds) { arm(0, microseconds); }

void arm_alarm() {
  const std::uint64_t due = state.wake_at < state.tasklet_at ? state.wake_at : state.tasklet_at;
  if (due == kNoAlarm) {
    disarm(1);
    return;
  }
  const std::uint64_t now = clock_microseconds();
  const std::uint64_t wait = due <= now ? 1 : due - now;
  arm(1, static_cast<std::uint32_t>(wait < kLongestAlarm ? wait : kLongestAlarm));
}

void pend_slice() {
  state.phase = Phase::Pended;
  scb().icsr = Scb::kPendSvSet;
  arm_step(kHang);
}

/// The worker has something to do: a slice follows when the application has had its share.
void request_slice() {
  state.ready = true;
  if (state.phase != Phase::Waiting) return;
  const std::uint32_t passed = tim5().cnt - state.parked_at;
  if (!state.application_runs || state.stands || passed >= kShare) {
    pend_slice();
    return;
  }
  state.phase = Phase::Share;
  arm_step(kShare - passed);
}

/// Common to all ways of parking.
void note_parked() {
  state.boosted = false;
  state.accused = false;
  set_worker_priority(own_priority());
  set_timer_priority(kPriorityTimer);
  state.parked_at = tim5().cnt;
  state.phase = Phase::Waiting;
  disarm(0);
  if (state.ready) request_slice();
}

/// A non-secure exception is waiting that the worker at its priority holds off.
bool application_waits() {
  std::uint32_t masked = 0;
  std::uint32_t basepri = 0;
  asm volatile("mrs %0, primask_ns\n\tmrs %1, basepri_ns" : "=r"(masked), "=r"(basepri));
  if (masked != 0 || basepri != 0) return false;
  if ((scb_nonsecure().icsr & (Scb::kPendSvSet | Scb::kSysTickSet)) != 0) return true;
  for (unsigned i = 0; i < Nvic::kWords; ++i) {
    if ((nvic().ispr[i] & nvic().iser[i] & nvic().itns[i]) != 0) return true;
  }
  return false;
}

/// Whether the timer has interrupted the worker's own code, so that its stack can be left as it is.
bool worker_interrupted(std::uint32_t exc_return, const std::uint32_t* sp) {
  if (worker_context.running == 0 || (exc_return & kReturnSecureFrame) == 0 ||
      (exc_return & kReturnThread) != 0) {
    return false;
  }
  const std::uint32_t skip = (exc_return & kReturnNoStateContext) != 0 ? 0 : kStateContextWords;
  return (sp[skip + 7] & kXpsrException) == kPendSv;
}

/// A handler of the application's has begun on top of the worker and not returned yet. The kernel may be at
/// work for it in this moment: in a call it has made, or in the timer's handler, which looks for the end of
/// the slice again and again. One that was active before the worker began counts too; the reset is then a few
/// seconds later than it might be.
bool handler_on_worker(std::uint32_t exc_return) {
  if ((scb().shcsr & Scb::kPendSvActive) == 0) return false;
  if ((exc_return & kReturnSecureFrame) == 0) return true;
  if ((scb_nonsecure().shcsr & Scb::kActive) != 0) return true;
  for (unsigned i = 0; i < Nvic::kWords; ++i) {
    if ((nvic().iabr[i] & nvic().itns[i]) != 0) return true;
  }
  return false;
}

void boost_worker() {
  state.boosted = true;
  set_worker_priority(kPriorityWorkerBoosted);
}

/// The worker shows that it lives. It speaks for thread mode too.
MV_FLASH_CODE void feed() {
  if (!application_running() && tim5().cnt - state.thread_seen > kThreadPatience) return;
  if (state.warned) {
    state.warned = false;
    clear_watchdog_warning();
    clear_pending_line(kLineIwdg);
    enable_line(kLineIwdg);
  }
  feed_watchdog();
}

/// The step while a slice runs. True: park.
bool running_step(std::uint32_t exc_return, const std::uint32_t* sp) {
  const bool can_park = worker_interrupted(exc_return, sp) && state.no_park == 0;
  state.slice_used += kSliceCheck;
  const bool over = state.slice_used >= kSlice || (!state.boosted && application_waits());
  if (!over) {
    arm_step(kSliceCheck);
    return false;
  }
  if (!can_park) {
    arm_step(kParkRetry);
    return false;
  }
  note_parked();
  return true;
}

bool step(std::uint32_t exc_return, const std::uint32_t* sp) {
  disarm(0);
  if (switched_under_worker(exc_return)) end_application_for(EndCause::ContextSwitch);
  switch (state.phase) {
    case Phase::Waiting: return false;
    case Phase::Share: pend_slice(); return false;
    case Phase::Pended:  // the application holds its exceptions off, and the worker with them
      boost_worker();
      arm_step(kHang);
      return false;
    case Phase::Running: return running_step(exc_return, sp);
  }
  return false;
}

void alarm() {
  const std::uint64_t now = clock_microseconds();
  if (state.tasklet_at <= now) {
    state.tasklet_at = kNoAlarm;
    pend_tasklet();
  }
  if (state.wake_at <= now) {
    state.wake_at = kNoAlarm;
    request_slice();
  }
  arm_alarm();
}

/// Parks the worker until `moment`, or with `for_event` until it is woken.
MV_FLASH_CODE void park(std::uint64_t moment, bool for_event) {
  {
    const Atomic atomic;
    if (state.errand_wanted || (for_event && state.woken)) return;
    state.ready = false;
    state.waits_for_event = for_event;
    state.wake_at = moment;
    arm_alarm();
  }
  asm volatile("svc #0" : : : "memory");
  const Atomic atomic;
  state.waits_for_event = false;
  state.wake_at = kNoAlarm;
}

}  // namespace

std::uint64_t clock_microseconds() {
  for (;;) {
    const std::uint32_t high = overflows;
    const std::uint32_t low = tim5().cnt;
    const bool overflowed = (tim5().sr & Tim::kUpdate) != 0;
    if (high != overflows) continue;
    // The interrupt that counts the overflow has not come yet.
    const std::uint32_t extra = overflowed && low < 0x8000'0000 ? 1 : 0;
    return (std::uint64_t{high + extra} << 32) | low;
  }
}

Atomic::Atomic() {
  asm volatile("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb"
               : "=&r"(before_)
               : "r"(kPriorityTimer)
               : "memory");
}

Atomic::~Atomic() { asm volatile("msr basepri, %0\n\tisb" : : "r"(before_) : "memory"); }

WorkerNoPark::WorkerNoPark() { ++state.no_park; }
WorkerNoPark::~WorkerNoPark() { --state.no_park; }

MV_FLASH_CODE void worker_yield() {
  feed();
  state.ready = true;
  asm volatile("svc #0" : : : "memory");
}

MV_FLASH_CODE void worker_wait_until(std::uint64_t microseconds) {
  for (std::uint64_t now = clock_microseconds(); now < microseconds; now = clock_microseconds()) {
    feed();
    worker_run_errand();
    park(microseconds - now < kFeedInterval ? microseconds : now + kFeedInterval, false);
  }
}

MV_FLASH_CODE bool worker_wait_event(std::uint64_t microseconds) {
  for (;;) {
    feed();
    worker_run_errand();
    {
      const Atomic atomic;
      if (state.woken) {
        state.woken = false;
        return true;
      }
    }
    const std::uint64_t now = clock_microseconds();
    if (now >= microseconds) return false;
    park(microseconds - now < kFeedInterval ? microseconds : now + kFeedInterval, true);
  }
}

void worker_wake() {
  const Atomic atomic;
  state.woken = true;
  if (state.waits_for_event) request_slice();
}

MV_FLASH_CODE void worker_set_errand(void (*errand)()) { state.errand = errand; }

MV_FLASH_CODE void worker_run_errand() {
  {
    const Atomic atomic;
    if (!state.errand_wanted) return;
    state.errand_wanted = false;
  }
  if (state.errand != nullptr) state.errand();
}

MV_FLASH_CODE void worker_request_errand() {
  const Atomic atomic;
  state.errand_wanted = true;
  request_slice();
}

std::uint32_t scheduler_begin_slice() {
  const Atomic atomic;
  if (!state.ready) return 0;
  ++slices;
  state.phase = Phase::Running;
  state.slice_used = 0;
  const bool beneath = !state.boosted && own_priority() == kPriorityWorker;
  set_timer_priority(beneath ? kPrioritySliceEnd : kPriorityTimer);
  arm_step(kSliceCheck);
  return 1;
}

void scheduler_worker_yielded() {
  const Atomic atomic;
  note_parked();
}

/// Early warning of the watchdog: the worker has not fed it. If handlers of the application's sit on its
/// back, it is lifted above them; if that does not help, one of them never returns, and the application ends.
/// If the kernel itself is to blame the reset comes, whatever may still run.
void watchdog_warned(std::uint32_t exc_return) {
  const Atomic atomic;
  if (state.accused || !handler_on_worker(exc_return)) {
    state.warned = true;
    disable_line(kLineIwdg);
    return;
  }
  if (state.boosted) {
    state.accused = true;
    end_application_for(EndCause::HandlerDoesNotReturn);
  }
  boost_worker();
  set_timer_priority(kPriorityTimer);
  clear_watchdog_warning();
}

std::uint32_t scheduler_timer(std::uint32_t exc_return, const std::uint32_t* sp) {
  const Atomic atomic;
  Tim& timer = tim5();
  const std::uint32_t flags = timer.sr & timer.dier;
  timer.sr = ~flags;
  if ((flags & Tim::kUpdate) != 0) overflows = overflows + 1;
  if ((flags & Tim::kCompare2) != 0) alarm();
  const bool switches = (flags & Tim::kCompare1) != 0 && step(exc_return, sp);
  return switches ? 1 : 0;
}

MV_FLASH_CODE void start_scheduler(void (*entry)()) {
  std::uint32_t* sp = reinterpret_cast<std::uint32_t*>(worker_stack_seal());
  *--sp = kXpsrThumb | kPendSv;
  *--sp = reinterpret_cast<std::uint32_t>(entry) & ~1u;
  for (unsigned i = 0; i < 6; ++i) *--sp = 0;  // lr, r12, r3 to r0
  *--sp = 0xFFFF'FFF1;                         // EXC_RETURN: Secure handler, no state context
  for (unsigned i = 0; i < 9; ++i) *--sp = 0;  // r11 to r3
  worker_context.worker_sp = reinterpret_cast<std::uint32_t>(sp);

  rcc().apb1enr1 = rcc().apb1enr1 | Rcc::kApb1Tim5;
  (void)rcc().apb1enr1;
  Tim& timer = tim5();
  timer.cr1 = Tim::kUpdateOverflowOnly;
  timer.psc = kSystemClock / 1'000'000 - 1;
  timer.arr = 0xFFFF'FFFF;
  timer.egr = Tim::kUpdate;  // loads the prescaler
  timer.sr = 0;
  timer.dier = Tim::kUpdate;
  timer.cr1 = Tim::kUpdateOverflowOnly | Tim::kEnable;
  set_timer_priority(kPriorityTimer);
  set_worker_priority(own_priority());
  enable_line(kLineTim5);
  const Atomic atomic;
  request_slice();
}

MV_FLASH_CODE void scheduler_application_runs(bool runs) {
  const Atomic atomic;
  state.application_runs = runs;
}

MV_FLASH_CODE void scheduler_thread_lives() { state.thread_seen = tim5().cnt; }

MV_FLASH_CODE void scheduler_set_compatibility(bool on) {
  const Atomic atomic;
  state.compatible = on;
  if (state.phase == Phase::Waiting || state.phase == Phase::Share) {
    set_worker_priority(own_priority());
  }
}

/// By the worker, beneath which nothing of the application's runs, so that its priority may change at once.
MV_FLASH_CODE void scheduler_set_debugging(bool on) {
  const Atomic atomic;
  state.debugging = on;
  if (!on) return;
  set_worker_priority(own_priority());
  set_timer_priority(kPriorityTimer);
}

void scheduler_application_stands(bool stands) {
  const Atomic atomic;
  state.stands = stands;
  if (stands && state.phase == Phase::Share) pend_slice();
}

MV_FLASH_CODE bool scheduler_compatibility() { return state.compatible; }

void scheduler_unwound() {
  const Atomic atomic;
  state.application_runs = false;
  state.stands = false;
  if (state.phase == Phase::Running) state.ready = true;  // it was in the middle of something
  scb().icsr = Scb::kPendSvClear;
  note_parked();
}

void scheduler_defer_tasklet() {
  set_timer_priority(kPriorityTimer);  // that of the handler under way, too: the tasklet comes behind it
  pend_tasklet();
}

MV_FLASH_CODE bool worker_idle() { return state.phase == Phase::Waiting && !state.ready; }

MV_FLASH_CODE void scheduler_slept(std::uint64_t microseconds) {
  const Atomic atomic;
  const std::uint64_t now = clock_microseconds() + microseconds;
  tim5().cnt = static_cast<std::uint32_t>(now);
  tim5().sr = ~Tim::kUpdate;
  overflows = static_cast<std::uint32_t>(now >> 32);
  state.thread_seen = tim5().cnt;
  // What was due while the count jumped is due now.
  if (state.phase == Phase::Share) arm_step(1);
  if (state.phase == Phase::Pended) arm_step(kHang);
  arm_alarm();
}

void schedule_tasklet(std::uint32_t microseconds) {
  const Atomic atomic;
  const std::uint64_t at = clock_microseconds() + microseconds;
  if (at >= state.tasklet_at) return;
  state.tasklet_at = at;
  arm_alarm();
}

}  // namespace microvisor::firmware::kernel
