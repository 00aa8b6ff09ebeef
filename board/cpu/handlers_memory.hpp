// Handlers of loads and stores.
//
// Each has a fast form, which goes through the translations, and a slow one, which asks load() or store().
// Registers change only after the access has succeeded, so a fault or a busy memory leaves the instruction to
// be repeated.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "board/cpu/interpreter.hpp"

namespace microvisor::board {

enum class Addressing : std::uint8_t { Offset, PreIndexed, PostIndexed, Register, Literal };

constexpr bool writes_back(Addressing mode) {
  return mode == Addressing::PreIndexed || mode == Addressing::PostIndexed;
}

template <Addressing kMode>
MV_INLINE std::uint32_t access_address(const Core& core, const Record* rec) {
  if constexpr (kMode == Addressing::Literal) return (pc_value(core, rec) & ~3u) + rec->imm;
  const std::uint32_t base = core.state.r[rec->n];
  if constexpr (kMode == Addressing::PostIndexed) return base;
  if constexpr (kMode == Addressing::Register) return base + (core.state.r[rec->m] << rec->s);
  return base + rec->imm;
}

/// The new base is legal: only a stack pointer has a limit.
template <Addressing kMode>
MV_INLINE bool base_allowed(Core& core, const Record* rec) {
  if constexpr (!writes_back(kMode)) return true;
  if (MV_LIKELY(rec->n != 13)) return true;
  const std::uint32_t value = core.state.r[13] + rec->imm;
  return !(below_stack_limit(core, value) && violates_stack_limit(core, value));
}

template <Addressing kMode>
MV_INLINE void write_base(Core& core, const Record* rec) {
  if constexpr (writes_back(kMode)) {
    const std::uint32_t value = core.state.r[rec->n] + rec->imm;
    core.state.r[rec->n] = rec->n == 13 ? value & ~3u : value;
  }
}

/// The value of a load as the register sees it.
template <typename T>
MV_INLINE std::uint32_t extended(std::uint32_t raw) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<T>(raw)));
}

template <typename T>
MV_INLINE std::uint32_t fetch_value(const std::uint8_t* host) {
  T value;
  std::memcpy(&value, host, sizeof value);
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
}

/// LDR, LDRB, LDRH, LDRSB, LDRSH into R0-R12 and LR.
template <typename T, Addressing kMode>
struct Load {
  template <int kLength>
  static void run(ARGS) {
    const std::uint8_t* host = readable(core, access_address<kMode>(core, rec), sizeof(T));
    if (MV_UNLIKELY(host == nullptr)) return slow<kLength>(PASS);
    if (MV_UNLIKELY(!base_allowed<kMode>(core, rec))) return fail(PASS);
    write_base<kMode>(core, rec);
    core.state.r[rec->d] = fetch_value<T>(host);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const std::uint64_t value = load_value(core, access_address<kMode>(core, rec), sizeof(T), {});
    budget = call_back(core);
    if (value == kNotLoaded) return fail(PASS);
    write_base<kMode>(core, rec);
    core.state.r[rec->d] = extended<T>(static_cast<std::uint32_t>(value));
    return resume<kLength>(PASS);
  }
};

/// LDR into SP: bits 1:0 are dropped, the limit applies.
template <Addressing kMode>
struct LoadStackPointer {
  template <int kLength>
  MV_COLD static void run(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const std::uint64_t value = load_value(core, access_address<kMode>(core, rec), 4, {});
    budget = call_back(core);
    if (value == kNotLoaded) return fail(PASS);
    const auto pointer = static_cast<std::uint32_t>(value);
    if (below_stack_limit(core, pointer) && violates_stack_limit(core, pointer)) return fail(PASS);
    write_base<kMode>(core, rec);
    core.state.r[13] = pointer & ~3u;
    return resume<kLength>(PASS);
  }
};

/// LDR into PC: a branch that may be magic.
template <Addressing kMode>
struct LoadPc {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = access_address<kMode>(core, rec);
    const std::uint8_t* host = readable(core, address, 4);
    if (MV_UNLIKELY(host == nullptr || (address & 3) != 0)) return slow<kLength>(PASS);
    if (MV_UNLIKELY(!base_allowed<kMode>(core, rec))) return fail(PASS);
    const std::uint32_t base = core.state.r[rec->n];
    write_base<kMode>(core, rec);
    return jump_loaded<writes_back(kMode)>(PASS, fetch_value<std::uint32_t>(host), base);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const std::uint64_t value = load_value(core, access_address<kMode>(core, rec), 4, {});
    budget = call_back(core);
    if (value == kNotLoaded) return fail(PASS);
    const std::uint32_t base = core.state.r[rec->n];
    write_base<kMode>(core, rec);
    return jump_loaded<writes_back(kMode)>(PASS, static_cast<std::uint32_t>(value), base);
  }
};

/// STR, STRB, STRH.
template <typename T, Addressing kMode>
struct Store {
  template <int kLength>
  static void run(ARGS) {
    std::uint8_t* host = writable(core, access_address<kMode>(core, rec), sizeof(T));
    if (MV_UNLIKELY(host == nullptr)) return slow<kLength>(PASS);
    if (MV_UNLIKELY(!base_allowed<kMode>(core, rec))) return fail(PASS);
    const auto value = static_cast<T>(core.state.r[rec->d]);
    std::memcpy(host, &value, sizeof value);
    write_base<kMode>(core, rec);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const bool done = store(core, access_address<kMode>(core, rec), sizeof(T), {}, core.state.r[rec->d]);
    budget = call_back(core);
    if (!done) return fail(PASS);
    write_base<kMode>(core, rec);
    return resume<kLength>(PASS);
  }
};

/// LDRT, LDRBT, LDRHT, LDRSBT, LDRSHT: with the permissions of unprivileged code.
template <typename T>
struct LoadUnprivileged {
  template <int kLength>
  static void run(ARGS) {
    call_out(core, budget);
    const std::uint64_t value = load_value(core, core.state.r[rec->n] + rec->imm, sizeof(T),
                                           {.unprivileged = true, .aligned = false});
    budget = call_back(core);
    if (value == kNotLoaded) return fail(PASS);
    core.state.r[rec->d] = extended<T>(static_cast<std::uint32_t>(value));
    return resume<kLength>(PASS);
  }
};

template <typename T>
struct StoreUnprivileged {
  template <int kLength>
  static void run(ARGS) {
    call_out(core, budget);
    const bool done = store(core, core.state.r[rec->n] + rec->imm, sizeof(T),
                            {.unprivileged = true, .aligned = false}, core.state.r[rec->d]);
    budget = call_back(core);
    if (!done) return fail(PASS);
    return resume<kLength>(PASS);
  }
};

/// LDA, LDAEX, LDREX and their sizes: natural alignment is demanded; the exclusive forms set the monitor.
template <typename T, bool kExclusive>
struct LoadAligned {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = core.state.r[rec->n] + rec->imm;
    const std::uint8_t* host = readable(core, address, sizeof(T));
    if (MV_UNLIKELY(host == nullptr || (address & (sizeof(T) - 1)) != 0)) return slow<kLength>(PASS);
    if constexpr (kExclusive) core.state.exclusive = true;
    core.state.r[rec->d] = fetch_value<T>(host);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    call_out(core, budget);
    const std::uint64_t value = load_value(core, core.state.r[rec->n] + rec->imm, sizeof(T),
                                           {.unprivileged = false, .aligned = true});
    budget = call_back(core);
    if (value == kNotLoaded) return fail(PASS);
    if constexpr (kExclusive) core.state.exclusive = true;
    core.state.r[rec->d] = static_cast<std::uint32_t>(value);
    return resume<kLength>(PASS);
  }
};

/// STL and its sizes.
template <typename T>
struct StoreAligned {
  template <int kLength>
  static void run(ARGS) {
    call_out(core, budget);
    const bool done = store(core, core.state.r[rec->n] + rec->imm, sizeof(T),
                            {.unprivileged = false, .aligned = true}, core.state.r[rec->d]);
    budget = call_back(core);
    if (!done) return fail(PASS);
    return resume<kLength>(PASS);
  }
};

/// STREX, STLEX and their sizes: `d` gets 0 if the monitor was set, else 1 and nothing is stored; `s` is the
/// source.
template <typename T>
struct StoreExclusive {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = core.state.r[rec->n] + rec->imm;
    if (!core.state.exclusive && (address & (sizeof(T) - 1)) == 0) {
      core.state.r[rec->d] = 1;
      return next<kLength>(PASS);
    }
    call_out(core, budget);
    const bool done =
        store(core, address, sizeof(T), {.unprivileged = false, .aligned = true}, core.state.r[rec->s]);
    budget = call_back(core);
    if (!done) return fail(PASS);
    core.state.exclusive = false;
    core.state.r[rec->d] = 0;
    return resume<kLength>(PASS);
  }
};

/// LDRD: `d` and `s`. Word alignment is demanded.
template <Addressing kMode>
struct LoadDual {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = access_address<kMode>(core, rec);
    const std::uint8_t* host = readable(core, address, 8);
    if (MV_UNLIKELY(host == nullptr || (address & 3) != 0)) return slow<kLength>(PASS);
    if (MV_UNLIKELY(!base_allowed<kMode>(core, rec))) return fail(PASS);
    write_base<kMode>(core, rec);
    core.state.r[rec->d] = fetch_value<std::uint32_t>(host);
    core.state.r[rec->s] = fetch_value<std::uint32_t>(host + 4);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const bool done = load_words(core, access_address<kMode>(core, rec), 2);
    budget = call_back(core);
    if (!done) return fail(PASS);
    write_base<kMode>(core, rec);
    core.state.r[rec->d] = core.execution.buffer[0];
    core.state.r[rec->s] = core.execution.buffer[1];
    return resume<kLength>(PASS);
  }
};

template <Addressing kMode>
struct StoreDual {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = access_address<kMode>(core, rec);
    std::uint8_t* host = writable(core, address, 8);
    if (MV_UNLIKELY(host == nullptr || (address & 3) != 0)) return slow<kLength>(PASS);
    if (MV_UNLIKELY(!base_allowed<kMode>(core, rec))) return fail(PASS);
    std::memcpy(host, &core.state.r[rec->d], 4);
    std::memcpy(host + 4, &core.state.r[rec->s], 4);
    write_base<kMode>(core, rec);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!base_allowed<kMode>(core, rec)) return fail(PASS);
    core.execution.buffer[0] = core.state.r[rec->d];
    core.execution.buffer[1] = core.state.r[rec->s];
    call_out(core, budget);
    const bool done = store_words(core, access_address<kMode>(core, rec), 2);
    budget = call_back(core);
    if (!done) return fail(PASS);
    write_base<kMode>(core, rec);
    return resume<kLength>(PASS);
  }
};

// --- load and store multiple
// ----------------------------------------------------------------------------------------- `imm` is the
// register list, `s` the number of words. kDecrement is the DB form.

enum class Multiple : std::uint8_t { IncrementAfter, DecrementBefore };

template <Multiple kForm>
MV_INLINE std::uint32_t first_address(const Core& core, const Record* rec) {
  const std::uint32_t base = core.state.r[rec->n];
  return kForm == Multiple::DecrementBefore ? base - 4u * rec->s : base;
}
template <Multiple kForm>
MV_INLINE std::uint32_t base_after(const Core& core, const Record* rec) {
  const std::uint32_t base = core.state.r[rec->n];
  return kForm == Multiple::DecrementBefore ? base - 4u * rec->s : base + 4u * rec->s;
}
/// The limit of a stack pointer that is written back. Where it rises from below the limit to above it,
/// nothing may be accessed, and it is IMPLEMENTATION DEFINED whether there is a fault: here there is, so that
/// the lowest address decides in either direction.
template <Multiple kForm, bool kWriteback>
MV_INLINE bool stack_allowed(Core& core, const Record* rec) {
  if constexpr (!kWriteback) return true;
  if (rec->n != 13) return true;
  const std::uint32_t value = first_address<kForm>(core, rec);
  return MV_LIKELY(!below_stack_limit(core, value)) || !violates_stack_limit(core, value);
}

/// LDM, LDMDB, POP. With kPc the list includes PC (bit 15), which comes last.
template <Multiple kForm, bool kWriteback, bool kPc>
struct LoadMultiple {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = first_address<kForm>(core, rec);
    const std::uint8_t* host = readable(core, address, 4u * rec->s);
    if (MV_UNLIKELY(host == nullptr || (address & 3) != 0)) return slow<kLength>(PASS);
    if (MV_UNLIKELY((!stack_allowed<kForm, kWriteback>(core, rec)))) return fail(PASS);
    [[maybe_unused]] const std::uint32_t base = core.state.r[rec->n];
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    for (std::uint32_t list = rec->imm & 0x7FFF; list != 0; list &= list - 1, host += 4) {
      std::memcpy(&core.state.r[static_cast<unsigned>(std::countr_zero(list))], host, 4);
    }
    if constexpr (kPc) return jump_loaded<kWriteback>(PASS, fetch_value<std::uint32_t>(host), base);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!stack_allowed<kForm, kWriteback>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const bool done = load_words(core, first_address<kForm>(core, rec), rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    [[maybe_unused]] const std::uint32_t base = core.state.r[rec->n];
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    unsigned index = 0;
    for (std::uint32_t list = rec->imm & 0x7FFF; list != 0; list &= list - 1) {
      core.state.r[static_cast<unsigned>(std::countr_zero(list))] = core.execution.buffer[index++];
    }
    if constexpr (kPc) return jump_loaded<kWriteback>(PASS, core.execution.buffer[index], base);
    return resume<kLength>(PASS);
  }
};

/// STM, STMDB, PUSH.
template <Multiple kForm, bool kWriteback>
struct StoreMultiple {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t address = first_address<kForm>(core, rec);
    std::uint8_t* host = writable(core, address, 4u * rec->s);
    if (MV_UNLIKELY(host == nullptr || (address & 3) != 0)) return slow<kLength>(PASS);
    if (MV_UNLIKELY((!stack_allowed<kForm, kWriteback>(core, rec)))) return fail(PASS);
    for (std::uint32_t list = rec->imm; list != 0; list &= list - 1, host += 4) {
      std::memcpy(host, &core.state.r[static_cast<unsigned>(std::countr_zero(list))], 4);
    }
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    return next<kLength>(PASS);
  }

  template <int kLength>
  MV_COLD static void slow(ARGS) {
    if (!stack_allowed<kForm, kWriteback>(core, rec)) return fail(PASS);
    unsigned index = 0;
    for (std::uint32_t list = rec->imm; list != 0; list &= list - 1) {
      core.execution.buffer[index++] = core.state.r[static_cast<unsigned>(std::countr_zero(list))];
    }
    call_out(core, budget);
    const bool done = store_words(core, first_address<kForm>(core, rec), rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    return resume<kLength>(PASS);
  }
};

}  // namespace microvisor::board
