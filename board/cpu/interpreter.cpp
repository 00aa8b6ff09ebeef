// Running: from the architectural state into the handlers and back.
//
// execute() goes round once for every stay in the handlers: it looks at what is pending, finds the page of
// the next instruction and calls its handler, which tail-calls the next, until one of the functions below
// returns to it.
#include "board/cpu/interpreter.hpp"

#include "board/cpu/decoder.hpp"
#include "board/cpu/fetch.hpp"
#include "board/cpu/handlers_control.hpp"

namespace microvisor::board {
namespace {

/// Instructions of a core that never sleeps between two looks at what it can share.
constexpr std::uint64_t kShareInterval = 1'000'000;

void set_exit(Core& core, Exit reason) { core.execution.exit = static_cast<std::uint8_t>(reason); }

/// Points the interpreter at the translations and limits of the current state.
void load_context(Core& core) {
  Execution& execution = core.execution;
  execution.bank = &bank_to_fill(core, core.state.world, core.state.privileged());
  execution.stack_limit = stack_limit(core);
  execution.align_mask = unaligned_traps(core) ? 3 : 0;
  execution.flushed = false;
  execution.stalled = false;
  execution.fp_ready = false;
  execution.page_bytes = 0;
  execution.budget_mark = core.scheduler.budget;
}

/// Runs from state.r[15] until a handler returns.
void run(Core& core) {
  load_context(core);
  set_exit(core, Exit::Boundary);
  const CoreState& state = core.state;
  const std::int64_t nz = pack_nz(state.n, state.z);
  const std::uint32_t c = state.c ? 1 : 0, v = state.v ? 1 : 0;
  if (state.it != 0 || !state.thumb) return step_at(core, nullptr, core.scheduler.budget, nz, c, v);
  return enter(core, nullptr, core.scheduler.budget, nz, c, v);
}

/// The fetch at state.r[15] failed; the flags are in the state.
void fetch_failed(Core& core) {
  if (core.halting.due) return set_exit(core, Exit::Halted);
  if (core.execution.stalled) return set_exit(core, Exit::Stalled);
  take_fault(core, core.state.r[15]);
}

/// Runs the instruction at state.r[15] and no more, for the monitor. Without translations every way on from
/// it leads to enter_slow() or step_at(), which return.
void run_step(Core& core) {
  load_context(core);
  set_exit(core, Exit::Boundary);
  Execution& execution = core.execution;
  execution.bank = &kNoTranslations;
  begin_step(core);
  if (const Record* target = fetch_step(core, core.state.r[15])) {
    const CoreState& state = core.state;
    execution.single = true;
    handlers[target->op](core, target, call_back(core), pack_nz(state.n, state.z), state.c ? 1 : 0,
                         state.v ? 1 : 0);
    execution.single = false;
  } else {
    fetch_failed(core);
  }
  end_step(core, execution.exit == static_cast<std::uint8_t>(Exit::Boundary));
}

/// Code that other boards may use too is shared while the core sleeps; one that never does takes a moment now
/// and then.
void share_code(Core& core) {
  if (!core.state.asleep && core.retired < core.execution.share_at) return;
  core.execution.share_at = core.retired + kShareInterval;
  if (core.decoded->share()) flush_tlb(core);
}

}  // namespace

Stop Core::execute() {
  for (;;) {
    if (MV_UNLIKELY(halting.due)) return Stop::Halted;
    if (attention && !service(*this)) return state.locked_up ? Stop::Lockup : Stop::SystemReset;
    if (MV_UNLIKELY(halting.due)) return Stop::Halted;
    if (state.locked_up) return Stop::Lockup;
    if (state.asleep) {
      share_code(*this);
      return Stop::Asleep;
    }
    if (execution.wait) {
      execution.wait = false;
      return Stop::Stalled;
    }
    if (scheduler.budget <= 0) {
      share_code(*this);
      return Stop::Budget;
    }
    if (attention && monitor_steps(*this)) {
      run_step(*this);
    } else {
      run(*this);
    }
    if (execution.exit == static_cast<std::uint8_t>(Exit::Stalled)) return Stop::Stalled;
    if (execution.exit == static_cast<std::uint8_t>(Exit::Semihosting)) return Stop::Semihosting;
    if (MV_UNLIKELY(halting.stepping)) halting.due = true;
  }
}

void leave(ARGS) {
  core.state.r[15] = address_of(core, rec);
  leave_at(PASS);
}

void leave_at(ARGS) {
  store_flags(core, nz, c, v);
  call_out(core, budget);
}

void leave_changed(ARGS) {
  core.scheduler.budget -= 1;
  core.retired += 1;
}

void fail(ARGS) {
  expose_state(PASS);
  core.state.it = rec->it;
  if (core.execution.stalled) return set_exit(core, Exit::Stalled);
  take_fault(core, core.state.r[15]);
}

void jump_magic(ARGS) {
  expose_state(PASS);
  const std::uint32_t target = core.execution.target;
  switch (branch_magic(core, target)) {
    case MagicBranch::Ordinary:
      core.state.thumb = (target & 1) != 0;
      core.state.r[15] = target & ~1u;
      break;
    case MagicBranch::Done: break;
    case MagicBranch::Refused:
      if (core.execution.writes_base) core.state.r[rec->n] = core.execution.base_before;
      core.state.it = rec->it;
      return take_fault(core, core.state.r[15]);
  }
  leave_changed(PASS);
}

void enter_slow(ARGS) {
  store_flags(core, nz, c, v);
  call_out(core, budget);
  if (core.execution.single) return;
  const Record* target = fetch_page(core, core.state.r[15]);
  if (target == nullptr) return fetch_failed(core);
  budget = call_back(core);
  rec = target;
  return handlers[rec->op](PASS);
}

void step_at(ARGS) {
  store_flags(core, nz, c, v);
  call_out(core, budget);
  if (core.execution.single) return;
  const Record* target = fetch_step(core, core.state.r[15]);
  if (target == nullptr) return fetch_failed(core);
  budget = call_back(core);
  rec = target;
  return handlers[rec->op](PASS);
}

namespace {

/// The page being executed may have its records elsewhere now.
void use_records(Core& core, const Record* records) {
  if (records == core.execution.records) return;
  flush_tlb(core);
  core.execution.records = records;
}

}  // namespace

void wrong_it_state(ARGS) {
  core.state.r[15] = address_of(core, rec);
  // From the buffer the record was decoded for the state at hand, so this is a page.
  const auto slot = static_cast<std::uint32_t>(rec - core.execution.records);
  use_records(core, core.decoded->forget(core.execution.records, slot));
  rec = core.execution.records + slot;
  return handlers[0](PASS);
}

namespace {

/// Entry 0: the record has not been decoded yet.
void decode_first(ARGS) {
  const auto slot = static_cast<std::uint32_t>(rec - core.execution.records);
  const Record* records = core.decoded->decode(core.execution.records, slot, core.state.it);
  if (MV_UNLIKELY(records == nullptr)) {
    core.state.r[15] = address_of(core, rec);
    return step_at(PASS);
  }
  use_records(core, records);
  rec = records + slot;
  return handlers[rec->op](PASS);
}

}  // namespace

std::array<Handler*, kMaximumHandlers> handlers = {&decode_first};

std::uint16_t register_handler(Handler* handler) {
  static std::uint16_t count = 1;
  if (count == kMaximumHandlers) __builtin_trap();
  handlers[count] = handler;
  return count++;
}

void PageEnd::run(ARGS) {
  core.state.r[15] = address_of(core, rec);
  if (MV_UNLIKELY(core.state.it != 0)) return step_at(PASS);
  return enter(PASS);
}

void Marked::run(ARGS) {
  core.state.r[15] = address_of(core, rec);
  return step_at(PASS);
}

bool violates_stack_limit(Core& core, std::uint32_t value) {
  if (value >= core.execution.stack_limit) return false;
  record_usage_fault(core, UsageFault::StackOverflow);
  return true;
}

}  // namespace microvisor::board
