// Handlers of the DSP extension (DDI0553: "Digital Signal Processing"): lanes, saturation, halfword
// multiplication.
#pragma once

#include "board/cpu/handlers_data.hpp"

namespace microvisor::board {

/// What a parallel operation does with its lanes.
enum class Lanes : std::uint8_t {
  Add16,
  AddSubtractExchanged,
  SubtractAddExchanged,
  Subtract16,
  Add8,
  Subtract8
};

template <Flavour kFlavour, Lanes kLanes>
struct Parallel {
  static constexpr bool kBytes = kLanes == Lanes::Add8 || kLanes == Lanes::Subtract8;
  static constexpr unsigned kWidth = kBytes ? 8 : 16;
  static constexpr bool kExchanged =
      kLanes == Lanes::AddSubtractExchanged || kLanes == Lanes::SubtractAddExchanged;

  static constexpr bool subtracts(unsigned index) {
    if (kLanes == Lanes::Subtract16 || kLanes == Lanes::Subtract8) return true;
    if (kLanes == Lanes::AddSubtractExchanged) return index == 0;
    if (kLanes == Lanes::SubtractAddExchanged) return index == 1;
    return false;
  }

  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t a = core.state.r[rec->n];
    const std::uint32_t b = kExchanged ? std::rotr(core.state.r[rec->m], 16) : core.state.r[rec->m];
    std::uint32_t value = 0, ge = 0;
    for (unsigned index = 0; index < 32 / kWidth; ++index) {
      const Lane one = lane(kFlavour, kWidth, subtracts(index), a >> index * kWidth, b >> index * kWidth);
      value |= one.value << index * kWidth;
      ge |= one.ge ? (kBytes ? 1u : 3u) << index * (kBytes ? 1 : 2) : 0u;
    }
    core.state.r[rec->d] = value;
    if constexpr (kFlavour == Flavour::Signed || kFlavour == Flavour::Unsigned) {
      core.state.ge = static_cast<std::uint8_t>(ge);
    }
    return next<kLength>(PASS);
  }
};

constexpr std::uint32_t select_bytes(std::uint32_t a, std::uint32_t b, unsigned ge) {
  std::uint32_t mask = 0;
  for (unsigned index = 0; index < 4; ++index) mask |= (ge >> index & 1) != 0 ? 0xFFu << index * 8 : 0u;
  return (a & mask) | (b & ~mask);
}
constexpr std::uint32_t sum_of_differences(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    const std::int32_t difference = as_signed(a >> shift & 0xFF) - as_signed(b >> shift & 0xFF);
    sum += as_unsigned(difference < 0 ? -difference : difference);
  }
  return sum;
}
constexpr std::uint32_t sign_extend_halves(std::uint32_t value) {
  return (as_unsigned(static_cast<std::int8_t>(value)) & 0xFFFF) |
         as_unsigned(static_cast<std::int8_t>(value >> 16)) << 16;
}
/// Adds the halves without a carry between them.
constexpr std::uint32_t add_halves(std::uint32_t a, std::uint32_t b) {
  return ((a + b) & 0xFFFF) | ((a & 0xFFFF'0000) + (b & 0xFFFF'0000));
}

MV_OPERATION(SelectBytes, select_bytes(r[rec->n], r[rec->m], core.state.ge));
MV_OPERATION(SumOfDifferences, sum_of_differences(r[rec->n], r[rec->m]));
MV_OPERATION(SumOfDifferencesAdd, r[rec->s] + sum_of_differences(r[rec->n], r[rec->m]));
MV_OPERATION(SignExtendByteAdd,
             r[rec->n] + as_unsigned(static_cast<std::int8_t>(std::rotr(r[rec->m], rec->s))));
MV_OPERATION(SignExtendHalfAdd,
             r[rec->n] + as_unsigned(static_cast<std::int16_t>(std::rotr(r[rec->m], rec->s))));
MV_OPERATION(ZeroExtendByteAdd, r[rec->n] + (std::rotr(r[rec->m], rec->s) & 0xFF));
MV_OPERATION(ZeroExtendHalfAdd, r[rec->n] + (std::rotr(r[rec->m], rec->s) & 0xFFFF));
MV_OPERATION(SignExtendBytes, sign_extend_halves(std::rotr(r[rec->m], rec->s)));
MV_OPERATION(ZeroExtendBytes, std::rotr(r[rec->m], rec->s) & 0x00FF'00FF);
MV_OPERATION(SignExtendBytesAdd, add_halves(r[rec->n], sign_extend_halves(std::rotr(r[rec->m], rec->s))));
MV_OPERATION(ZeroExtendBytesAdd, add_halves(r[rec->n], std::rotr(r[rec->m], rec->s) & 0x00FF'00FF));
// Packing: Rm is shifted by `s` (PKHBT left, PKHTB right and arithmetically).
MV_OPERATION(PackBottomTop, (r[rec->n] & 0xFFFF) | (r[rec->m] << rec->s & 0xFFFF'0000));
MV_OPERATION(PackTopBottom, (r[rec->n] & 0xFFFF'0000) |
                                (as_unsigned(std::int64_t{as_signed(r[rec->m])} >> rec->s) & 0xFFFF));

/// SSAT16, USAT16: both halves, `extra` is the width.
template <bool kSigned>
struct SaturateHalves {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t value = core.state.r[rec->n];
    const auto limit = [&](unsigned top) {
      return kSigned ? saturate_signed(half(value, top), rec->extra)
                     : saturate_unsigned(half(value, top), rec->extra);
    };
    const Saturated low = limit(0), high = limit(1);
    core.state.r[rec->d] = (low.value & 0xFFFF) | high.value << 16;
    core.state.q |= low.saturated || high.saturated;
    return next<kLength>(PASS);
  }
};

/// QADD, QSUB, QDADD, QDSUB: Rm with Rn (doubled first in the D forms).
template <bool kSubtract, bool kDouble>
struct SaturatingAdd {
  template <int kLength>
  static void run(ARGS) {
    std::int64_t second = as_signed(core.state.r[rec->n]);
    bool saturated = false;
    if constexpr (kDouble) {
      const Saturated doubled = saturate_signed(second * 2, 32);
      second = as_signed(doubled.value);
      saturated = doubled.saturated;
    }
    const std::int64_t first = as_signed(core.state.r[rec->m]);
    const Saturated result = saturate_signed(kSubtract ? first - second : first + second, 32);
    core.state.r[rec->d] = result.value;
    core.state.q |= saturated || result.saturated;
    return next<kLength>(PASS);
  }
};

/// A 32-bit accumulation with the Q flag on overflow.
MV_INLINE std::uint32_t accumulate(Core& core, std::int64_t exact) {
  const auto value = static_cast<std::int32_t>(exact);
  if (value != exact) core.state.q = true;
  return as_unsigned(value);
}

/// SMULxy and SMLAxy: `extra` bit 1 picks Rn's half, bit 0 Rm's; `s` is the addend.
template <bool kAdd>
struct MultiplyHalves {
  template <int kLength>
  static void run(ARGS) {
    const std::int64_t product = std::int64_t{half(core.state.r[rec->n], rec->extra & 2u)} *
                                 half(core.state.r[rec->m], rec->extra & 1u);
    const std::int64_t addend = kAdd ? as_signed(core.state.r[rec->s]) : 0;
    core.state.r[rec->d] = accumulate(core, product + addend);
    return next<kLength>(PASS);
  }
};

/// SMULWy and SMLAWy: the top 32 of 48 bits.
template <bool kAdd>
struct MultiplyWide {
  template <int kLength>
  static void run(ARGS) {
    const std::int64_t product =
        (std::int64_t{as_signed(core.state.r[rec->n])} * half(core.state.r[rec->m], rec->extra & 1u)) >> 16;
    const std::int64_t addend = kAdd ? as_signed(core.state.r[rec->s]) : 0;
    core.state.r[rec->d] = accumulate(core, product + addend);
    return next<kLength>(PASS);
  }
};

/// The two products of the dual multiplications; `extra` says that Rm's halves are exchanged.
MV_INLINE std::int64_t dual_product(const Core& core, const Record* rec, bool subtract) {
  const std::uint32_t a = core.state.r[rec->n];
  const std::uint32_t b = rec->extra != 0 ? std::rotr(core.state.r[rec->m], 16) : core.state.r[rec->m];
  const std::int64_t low = std::int64_t{half(a, 0)} * half(b, 0);
  const std::int64_t high = std::int64_t{half(a, 1)} * half(b, 1);
  return subtract ? low - high : low + high;
}

/// SMUAD, SMUSD, SMLAD, SMLSD and their X forms.
template <bool kSubtract, bool kAdd>
struct MultiplyDual {
  template <int kLength>
  static void run(ARGS) {
    const std::int64_t addend = kAdd ? as_signed(core.state.r[rec->s]) : 0;
    core.state.r[rec->d] = accumulate(core, dual_product(core, rec, kSubtract) + addend);
    return next<kLength>(PASS);
  }
};

/// Adds a product to RdHi:RdLo (`s`:`d`).
MV_INLINE void accumulate_long(Core& core, const Record* rec, std::int64_t product) {
  auto& r = core.state.r;
  const std::uint64_t sum =
      (std::uint64_t{r[rec->s]} << 32 | r[rec->d]) + static_cast<std::uint64_t>(product);
  r[rec->d] = static_cast<std::uint32_t>(sum);
  r[rec->s] = static_cast<std::uint32_t>(sum >> 32);
}

/// SMLALD, SMLSLD and their X forms.
template <bool kSubtract>
struct MultiplyDualLong {
  template <int kLength>
  static void run(ARGS) {
    accumulate_long(core, rec, dual_product(core, rec, kSubtract));
    return next<kLength>(PASS);
  }
};

/// SMLALxy.
struct MultiplyHalvesLong {
  template <int kLength>
  static void run(ARGS) {
    accumulate_long(core, rec,
                    std::int64_t{half(core.state.r[rec->n], rec->extra & 2u)} *
                        half(core.state.r[rec->m], rec->extra & 1u));
    return next<kLength>(PASS);
  }
};

enum class TopMultiply : std::uint8_t { Plain, Add, Subtract };

/// SMMUL, SMMLA, SMMLS and their R forms (`extra` is the rounding constant's bit).
template <TopMultiply kKind>
struct MultiplyTop {
  template <int kLength>
  static void run(ARGS) {
    const std::int64_t product =
        std::int64_t{as_signed(core.state.r[rec->n])} * as_signed(core.state.r[rec->m]);
    auto sum = static_cast<std::uint64_t>(kKind == TopMultiply::Subtract ? -product : product);
    if constexpr (kKind != TopMultiply::Plain) sum += std::uint64_t{core.state.r[rec->s]} << 32;
    if (rec->extra != 0) sum += 0x8000'0000;
    core.state.r[rec->d] = static_cast<std::uint32_t>(sum >> 32);
    return next<kLength>(PASS);
  }
};

}  // namespace microvisor::board
