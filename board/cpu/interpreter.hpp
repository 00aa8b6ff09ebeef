// What handlers are made of: going on, branching, calling out, leaving.
//
// Rules. (1) next<L>() ends every handler that completed in line; it retires the instruction. (2) Before a
// call out of the interpreter the time is written back (call_out), after it the budget is read again
// (call_back), and the handler ends in resume<L>(), which leaves the page if something happened meanwhile.
// (3) A handler that cannot complete ends in fail() before it has changed anything. (4) What may change
// world, privilege, stack or masks ends in leave_*, and execute() builds everything anew from the
// architectural state.
#pragma once

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/record.hpp"
#include "board/cpu/system.hpp"

namespace microvisor::board {

#define ARGS MICROVISOR_HANDLER_ARGS
#define PASS MICROVISOR_HANDLER_PASS
#define MV_LIKELY(condition) __builtin_expect(static_cast<bool>(condition), 1)
#define MV_UNLIKELY(condition) __builtin_expect(static_cast<bool>(condition), 0)
#define MV_INLINE [[gnu::always_inline]] inline
#define MV_COLD [[gnu::noinline, gnu::cold]]

/// Why the handlers returned to execute().
enum class Exit : std::uint8_t { Boundary, Stalled, Semihosting, Halted };

// --- leaving (interpreter.cpp)
// ---------------------------------------------------------------------------------------
/// At a boundary: `rec` is the next instruction.
void leave(ARGS);
/// At a boundary: state.r[15] is the next instruction.
void leave_at(ARGS);
/// The instruction `rec` did not happen: a fault has been recorded, or core.execution.stalled is set.
void fail(ARGS);
/// Goes on at state.r[15], looking the page up (and faulting if it cannot be executed). Nothing is retired.
void enter_slow(ARGS);
/// Executes the instruction at state.r[15] from the single-step buffer.
void step_at(ARGS);

// --- time and flags
// ----------------------------------------------------------------------------------------------------
MV_INLINE void call_out(Core& core, std::int64_t budget) {
  core.retired += static_cast<std::uint64_t>(core.execution.budget_mark - budget);
  core.execution.budget_mark = budget;
  core.scheduler.budget = budget;
}
MV_INLINE std::int64_t call_back(Core& core) {
  core.execution.budget_mark = core.scheduler.budget;
  return core.scheduler.budget;
}
/// Puts the flags where the system half expects them.
MV_INLINE void store_flags(Core& core, std::int64_t nz, std::uint32_t c, std::uint32_t v) {
  core.state.n = nz < 0;
  core.state.z = static_cast<std::uint32_t>(nz) == 0;
  core.state.c = c != 0;
  core.state.v = v != 0;
}
/// The flags word for given N and Z.
MV_INLINE std::int64_t pack_nz(bool n, bool z) {
  if (z) return n ? std::int64_t{1} << 63 : 0;
  return n ? -1 : 1;
}
/// The flags word for a 32-bit result.
MV_INLINE std::int64_t flags_of(std::uint32_t result) { return static_cast<std::int32_t>(result); }

/// Address of the instruction `rec`.
MV_INLINE std::uint32_t address_of(const Core& core, const Record* rec) {
  return core.execution.page_address + static_cast<std::uint32_t>(rec - core.execution.records) * 2;
}
/// What R15 reads as in the instruction `rec`.
MV_INLINE std::uint32_t pc_value(const Core& core, const Record* rec) { return address_of(core, rec) + 4; }

// --- going on
// ------------------------------------------------------------------------------------------------------------
template <int kLength>
MV_INLINE void next(ARGS) {
  rec += kLength;
  if (MV_UNLIKELY(--budget <= 0)) return leave(PASS);
  return handlers[rec->op](PASS);
}

/// The end of an instruction that has called out.
template <int kLength>
MV_INLINE void resume(ARGS) {
  rec += kLength;
  if (MV_UNLIKELY(--budget <= 0 || core.attention || core.execution.flushed)) return leave(PASS);
  return handlers[rec->op](PASS);
}

/// Continues at state.r[15] without retiring anything.
MV_INLINE void enter(ARGS) {
  Execution& execution = core.execution;
  const std::uint32_t target = core.state.r[15];
  const std::uint32_t page = target & ~(kPageBytes - 1);
  const FetchEntry& entry = execution.bank->fetch[fetch_slot(target)];
  if (MV_UNLIKELY(entry.address != page)) return enter_slow(PASS);
  execution.page_address = page;
  execution.page_bytes = kPageBytes;
  execution.records = entry.records;
  rec = entry.records + target % kPageBytes / 2;
  return handlers[rec->op](PASS);
}

/// Retires the instruction and continues at `target`, an even address. ITSTATE must be 0.
MV_INLINE void jump(ARGS, std::uint32_t target) {
  const std::uint32_t offset = target - core.execution.page_address;
  if (MV_LIKELY(--budget > 0)) {
    if (offset < core.execution.page_bytes) {
      rec = core.execution.records + offset / 2;
      return handlers[rec->op](PASS);
    }
    core.state.r[15] = target;
    return enter(PASS);
  }
  core.state.r[15] = target;
  return leave_at(PASS);
}

/// BXWritePC() for a value that is not magic: bit 0 goes to EPSR.T, which only the fetch looks at.
MV_INLINE void jump_exchange(ARGS, std::uint32_t target) {
  if (MV_LIKELY(target & 1)) return jump(PASS, target & ~1u);
  core.state.thumb = false;
  core.state.r[15] = target;
  --budget;
  return leave_at(PASS);
}
/// Values that may be EXC_RETURN or FNC_RETURN.
MV_INLINE bool may_be_magic(std::uint32_t target) { return target >= 0xFE00'0000; }
/// The end of BX, POP and loads to PC with such a value, which stands in core.execution.target.
void jump_magic(ARGS);
/// BX: any value.
MV_INLINE void jump_anywhere(ARGS, std::uint32_t target) {
  if (MV_LIKELY(!may_be_magic(target))) return jump_exchange(PASS, target);
  core.execution.target = target;
  core.execution.writes_base = false;
  return jump_magic(PASS);
}
/// POP {pc}, LDR pc: any value, after the base register has been written if kWriteback.
template <bool kWriteback>
MV_INLINE void jump_loaded(ARGS, std::uint32_t target, std::uint32_t base_before) {
  if (MV_LIKELY(!may_be_magic(target))) return jump_exchange(PASS, target);
  core.execution.target = target;
  core.execution.base_before = base_before;
  core.execution.writes_base = kWriteback;
  return jump_magic(PASS);
}
/// After a call into the system half that may have changed everything: retires the instruction and leaves
/// without touching state.r[15] or the flags.
void leave_changed(ARGS);
/// Before such a call: flags, time and the instruction's own address.
MV_INLINE void expose_state(ARGS) {
  store_flags(core, nz, c, v);
  core.state.r[15] = address_of(core, rec);
  call_out(core, budget);
}

// --- memory
// ----------------------------------------------------------------------------------------------------------
/// Host address for reading `size` bytes without asking, or null.
MV_INLINE const std::uint8_t* readable(const Core& core, std::uint32_t address, unsigned size) {
  if (MV_UNLIKELY((address & core.execution.align_mask & (size - 1)) != 0)) return nullptr;
  return host_address(core.execution.bank->read[tlb_slot(address)], address, size);
}
MV_INLINE std::uint8_t* writable(const Core& core, std::uint32_t address, unsigned size) {
  if (MV_UNLIKELY((address & core.execution.align_mask & (size - 1)) != 0)) return nullptr;
  return host_address(core.execution.bank->write[tlb_slot(address)], address, size);
}

/// load() for handlers, which cannot hand out addresses: the value, or kNotLoaded.
inline constexpr std::uint64_t kNotLoaded = ~std::uint64_t{0};
std::uint64_t load_value(Core& core, std::uint32_t address, unsigned size, AccessOptions options);

/// Loads the words from `address` on into core.execution.buffer; false as load().
bool load_words(Core& core, std::uint32_t address, unsigned count);
/// Stores them from there.
bool store_words(Core& core, std::uint32_t address, unsigned count);

/// True if `value` may not be written to SP: STKOF is recorded.
bool violates_stack_limit(Core& core, std::uint32_t value);
MV_INLINE bool below_stack_limit(const Core& core, std::uint32_t value) {
  return value < core.execution.stack_limit;
}

}  // namespace microvisor::board
