// Handlers of the floating-point extension (FPv5, single precision, 16 double registers for loads, stores and
// moves).
//
// Every one begins with prepare_fp(), which checks the right to use the FPU and does the lazy save; its
// answer is kept in core.execution.fp_ready until the context can have changed. `d`, `n`, `m` and `s` are
// numbers of S registers.
#pragma once

#include <bit>
#include <cmath>

#include "board/cpu/handlers_control.hpp"
#include "board/cpu/handlers_memory.hpp"
#include "board/cpu/soft_float.hpp"

namespace microvisor::board {

/// Asks the system half, and on success executes the instruction from its own handler.
template <Handler* kHandler>
MV_COLD void prepare_first(ARGS) {
  store_flags(core, nz, c, v);
  call_out(core, budget);
  core.state.r[15] = address_of(core, rec);
  const bool ready = prepare_fp(core);
  budget = call_back(core);
  if (!ready) return fail(PASS);
  core.execution.fp_ready = true;
  return kHandler(PASS);
}

#define MV_PREPARE_FP() \
  if (MV_UNLIKELY(!core.execution.fp_ready)) return prepare_first<&run<kLength>>(PASS)

/// Defines an operation on S registers with one result in `d`.
#define MV_FLOAT_OPERATION(Name, expression)           \
  struct Name {                                        \
    template <int kLength>                             \
    static void run(ARGS) {                            \
      MV_PREPARE_FP();                                 \
      [[maybe_unused]] auto& s = core.state.s;         \
      [[maybe_unused]] auto& fpscr = core.state.fpscr; \
      s[rec->d] = (expression);                        \
      return next<kLength>(PASS);                      \
    }                                                  \
  }

// --- arithmetic with a fast form
// --------------------------------------------------------------------------------------- The host computes
// when the answer is certain to be the same: operands and result are normal numbers away from the limits,
// rounding is to nearest, and the inexact flag is set already.

MV_INLINE bool is_normal(std::uint32_t value) { return (value >> 23 & 0xFF) - 1 < 0xFE; }
/// Neither denormal nor rounded up from a denormal, nor infinite.
MV_INLINE bool is_safe_result(std::uint32_t value) { return (value >> 23 & 0xFF) - 2 < 0xFD; }
MV_INLINE bool host_rounds_alike(std::uint32_t fpscr) {
  return (fpscr & (kFpRounding | kFpInexact)) == kFpInexact;
}
MV_INLINE float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
MV_INLINE std::uint32_t as_bits(float value) { return std::bit_cast<std::uint32_t>(value); }

/// The subtrahend of VSUB: a NaN keeps its sign.
MV_INLINE std::uint32_t negate_number(std::uint32_t bits) {
  return (bits & 0x7FFF'FFFF) > 0x7F80'0000 ? bits : negate_float(bits);
}

MV_INLINE std::uint32_t add_floats(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr) {
  if (MV_LIKELY(host_rounds_alike(fpscr) && is_normal(a) && is_normal(b))) {
    const std::uint32_t result = as_bits(as_float(a) + as_float(b));
    if (MV_LIKELY(is_safe_result(result))) return result;
  }
  return float_add(a, b, fpscr);
}
MV_INLINE std::uint32_t multiply_floats(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr) {
  if (MV_LIKELY(host_rounds_alike(fpscr) && is_normal(a) && is_normal(b))) {
    const std::uint32_t result = as_bits(as_float(a) * as_float(b));
    if (MV_LIKELY(is_safe_result(result))) return result;
  }
  return float_multiply(a, b, fpscr);
}
MV_INLINE std::uint32_t divide_floats(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr) {
  if (MV_LIKELY(host_rounds_alike(fpscr) && is_normal(a) && is_normal(b))) {
    const std::uint32_t result = as_bits(as_float(a) / as_float(b));
    if (MV_LIKELY(is_safe_result(result))) return result;
  }
  return float_divide(a, b, fpscr);
}
MV_INLINE std::uint32_t multiply_add_floats(std::uint32_t c, std::uint32_t a, std::uint32_t b,
                                            std::uint32_t& fpscr) {
  if (MV_LIKELY(host_rounds_alike(fpscr) && is_normal(a) && is_normal(b) && is_normal(c))) {
    const std::uint32_t result = as_bits(std::fma(as_float(a), as_float(b), as_float(c)));
    if (MV_LIKELY(is_safe_result(result))) return result;
  }
  return float_multiply_add(c, a, b, fpscr);
}

MV_FLOAT_OPERATION(FloatAdd, add_floats(s[rec->n], s[rec->m], fpscr));
MV_FLOAT_OPERATION(FloatSubtract, add_floats(s[rec->n], negate_number(s[rec->m]), fpscr));
MV_FLOAT_OPERATION(FloatMultiply, multiply_floats(s[rec->n], s[rec->m], fpscr));
MV_FLOAT_OPERATION(FloatNegatedMultiply, negate_float(multiply_floats(s[rec->n], s[rec->m], fpscr)));
MV_FLOAT_OPERATION(FloatDivide, divide_floats(s[rec->n], s[rec->m], fpscr));

/// VMLA, VMLS, VNMLA, VNMLS: two roundings. kNegateSum negates the addend, kNegateProduct the product.
template <bool kNegateSum, bool kNegateProduct>
struct FloatMultiplyAccumulate {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    auto& s = core.state.s;
    std::uint32_t product = multiply_floats(s[rec->n], s[rec->m], core.state.fpscr);
    if constexpr (kNegateProduct) product = negate_float(product);
    const std::uint32_t addend = kNegateSum ? negate_float(s[rec->d]) : s[rec->d];
    s[rec->d] = add_floats(addend, product, core.state.fpscr);
    return next<kLength>(PASS);
  }
};

/// VFMA, VFMS, VFNMA, VFNMS: one rounding.
template <bool kNegateSum, bool kNegateProduct>
struct FloatFused {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    auto& s = core.state.s;
    const std::uint32_t addend = kNegateSum ? negate_float(s[rec->d]) : s[rec->d];
    const std::uint32_t first = kNegateProduct ? negate_float(s[rec->n]) : s[rec->n];
    s[rec->d] = multiply_add_floats(addend, first, s[rec->m], core.state.fpscr);
    return next<kLength>(PASS);
  }
};

// --- moves, rounding, conversion
// ---------------------------------------------------------------------------------------

MV_FLOAT_OPERATION(FloatImmediate, rec->imm);
MV_FLOAT_OPERATION(FloatMove, s[rec->m]);
MV_FLOAT_OPERATION(FloatAbsolute, s[rec->m] & 0x7FFF'FFFF);
MV_FLOAT_OPERATION(FloatNegate, negate_float(s[rec->m]));
MV_FLOAT_OPERATION(FloatSquareRoot, float_square_root(s[rec->m], fpscr));
MV_FLOAT_OPERATION(FloatMaximum, float_maximum(s[rec->n], s[rec->m], false, fpscr));
MV_FLOAT_OPERATION(FloatMinimum, float_maximum(s[rec->n], s[rec->m], true, fpscr));
// Half precision: `s` is 16 for the top half.
MV_FLOAT_OPERATION(HalfToFloat, half_to_float(s[rec->m] >> rec->s & 0xFFFF, fpscr));
MV_FLOAT_OPERATION(FloatToHalf, (s[rec->d] & ~(0xFFFFu << rec->s)) | float_to_half(s[rec->m], fpscr)
                                                                         << rec->s);
// Rounding: `extra` is a Rounding, or kRoundByFpscr.
inline constexpr std::uint8_t kRoundByFpscr = 0xFF;
MV_INLINE Rounding chosen_rounding(const Record* rec, std::uint32_t fpscr) {
  return rec->extra == kRoundByFpscr ? rounding_of(fpscr) : static_cast<Rounding>(rec->extra);
}
MV_FLOAT_OPERATION(FloatRound, float_round(s[rec->m], chosen_rounding(rec, fpscr), false, fpscr));
MV_FLOAT_OPERATION(FloatRoundExact, float_round(s[rec->m], chosen_rounding(rec, fpscr), true, fpscr));
MV_FLOAT_OPERATION(FloatToSigned, float_to_fixed(s[rec->m], 32, 0, true, chosen_rounding(rec, fpscr), fpscr));
MV_FLOAT_OPERATION(FloatToUnsigned,
                   float_to_fixed(s[rec->m], 32, 0, false, chosen_rounding(rec, fpscr), fpscr));
MV_FLOAT_OPERATION(SignedToFloat,
                   fixed_to_float(static_cast<std::int32_t>(s[rec->m]), 0, rounding_of(fpscr), fpscr));
MV_FLOAT_OPERATION(UnsignedToFloat, fixed_to_float(std::int64_t{s[rec->m]}, 0, rounding_of(fpscr), fpscr));

/// VCVT between fixed point and float, in place; `s` is the number of fraction bits, `n` the width.
template <bool kSigned>
struct FloatToFixed {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    std::uint32_t& value = core.state.s[rec->d];
    const std::uint32_t fixed =
        float_to_fixed(value, rec->n, rec->s, kSigned, Rounding::Zero, core.state.fpscr);
    value = kSigned && rec->n == 16 ? static_cast<std::uint32_t>(static_cast<std::int16_t>(fixed)) : fixed;
    return next<kLength>(PASS);
  }
};
template <bool kSigned>
struct FixedToFloat {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    std::uint32_t& value = core.state.s[rec->d];
    const unsigned spare = 32u - rec->n;
    const std::int64_t fixed = kSigned ? std::int64_t{static_cast<std::int32_t>(value << spare) >> spare}
                                       : std::int64_t{value << spare >> spare};
    value = fixed_to_float(fixed, rec->s, Rounding::Nearest, core.state.fpscr);
    return next<kLength>(PASS);
  }
};

/// VCMP, VCMPE; with kZero against 0.
template <bool kZero, bool kSignalQuiet>
struct FloatCompare {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    const std::uint32_t second = kZero ? 0 : core.state.s[rec->m];
    const std::uint32_t flags = float_compare(core.state.s[rec->d], second, kSignalQuiet, core.state.fpscr);
    core.state.fpscr = (core.state.fpscr & ~kFpFlags) | flags;
    return next<kLength>(PASS);
  }
};

/// VSEL: by the flags of the APSR.
template <Condition kCondition>
struct FloatSelect {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.s[rec->d] = core.state.s[holds<kCondition>(nz, c, v) ? rec->n : rec->m];
    return next<kLength>(PASS);
  }
};

// --- transfers with core registers
// -------------------------------------------------------------------------------------

/// VMOV Rt, Sn and VMOV Rt, Dn[x]: `d` is the core register, `n` the S register.
struct MoveToCore {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.r[rec->d] = core.state.s[rec->n];
    return next<kLength>(PASS);
  }
};
struct MoveFromCore {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.s[rec->n] = core.state.r[rec->d];
    return next<kLength>(PASS);
  }
};
/// VMOV Rt, Rt2, Sm, Sm1 (or Dm): `d` and `s` are the core registers, `m` the first S register.
struct MovePairToCore {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.r[rec->d] = core.state.s[rec->m];
    core.state.r[rec->s] = core.state.s[rec->m + 1u];
    return next<kLength>(PASS);
  }
};
struct MovePairFromCore {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.s[rec->m] = core.state.r[rec->d];
    core.state.s[rec->m + 1u] = core.state.r[rec->s];
    return next<kLength>(PASS);
  }
};
/// VMRS Rt, FPSCR and VMRS APSR_nzcv, FPSCR
struct MoveFromFpscr {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.r[rec->d] = core.state.fpscr;
    return next<kLength>(PASS);
  }
};
struct FlagsFromFpscr {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    const std::uint32_t fpscr = core.state.fpscr;
    nz = pack_nz((fpscr >> 31) != 0, (fpscr >> 30 & 1) != 0);
    c = fpscr >> 29 & 1;
    v = fpscr >> 28 & 1;
    return next<kLength>(PASS);
  }
};
struct MoveToFpscr {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    core.state.fpscr = core.state.r[rec->d] & kFpscrMask;
    return next<kLength>(PASS);
  }
};

// --- loads and stores
// -------------------------------------------------------------------------------------------------- `d` is
// the first S register, `s` the number of words, `imm` the offset.

/// VLDR and VSTR of one or two words.
template <Addressing kMode>
struct FloatLoad {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    call_out(core, budget);
    const bool done = load_words(core, access_address<kMode>(core, rec), rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    for (unsigned index = 0; index < rec->s; ++index)
      core.state.s[rec->d + index] = core.execution.buffer[index];
    return resume<kLength>(PASS);
  }
};
struct FloatStore {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    for (unsigned index = 0; index < rec->s; ++index)
      core.execution.buffer[index] = core.state.s[rec->d + index];
    call_out(core, budget);
    const bool done = store_words(core, core.state.r[rec->n] + rec->imm, rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    return resume<kLength>(PASS);
  }
};

/// VLDM, VPOP, VSTM, VPUSH.
template <Multiple kForm, bool kWriteback>
struct FloatLoadMultiple {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    if (!stack_allowed<kForm, kWriteback>(core, rec)) return fail(PASS);
    call_out(core, budget);
    const bool done = load_words(core, first_address<kForm>(core, rec), rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    for (unsigned index = 0; index < rec->s; ++index)
      core.state.s[rec->d + index] = core.execution.buffer[index];
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    return resume<kLength>(PASS);
  }
};
template <Multiple kForm, bool kWriteback>
struct FloatStoreMultiple {
  template <int kLength>
  static void run(ARGS) {
    MV_PREPARE_FP();
    if (!stack_allowed<kForm, kWriteback>(core, rec)) return fail(PASS);
    for (unsigned index = 0; index < rec->s; ++index)
      core.execution.buffer[index] = core.state.s[rec->d + index];
    call_out(core, budget);
    const bool done = store_words(core, first_address<kForm>(core, rec), rec->s);
    budget = call_back(core);
    if (!done) return fail(PASS);
    if constexpr (kWriteback) core.state.r[rec->n] = base_after<kForm>(core, rec);
    return resume<kLength>(PASS);
  }
};

/// VLSTM and VLLDM: Secure state only.
template <bool kStore>
struct FloatLazyContext {
  template <int kLength>
  static void run(ARGS) {
    if (core.state.world != kSecure) return Undefined::run<kLength>(PASS);
    expose_state(PASS);
    const std::uint32_t address = core.state.r[rec->n];
    const bool done = kStore ? execute_vlstm(core, address) : execute_vlldm(core, address);
    if (!done) return fail(PASS);
    core.state.r[15] += 2 * kLength;
    return leave_changed(PASS);
  }
};

}  // namespace microvisor::board
