// PKA: the public-key accelerator (RM0456 section 53), as far as P-256 needs it.
//
// Numbers are 32 bytes, big-endian. An operation takes some 20 ms; how that time is spent is the caller's
// (see set_pka_wait). Secrets do not stay behind: the protected operations erase the RAM themselves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::stm32u5 {

struct Pka {
  volatile std::uint32_t cr;  // 0x000
  volatile std::uint32_t sr;
  volatile std::uint32_t clrfr;
  std::uint32_t reserved[253];
  volatile std::uint32_t ram[1334];  // 0x400

  static constexpr std::uint32_t kBase = 0x520C'2000;
  static constexpr std::uint32_t kEnable = 1u << 0;
  static constexpr std::uint32_t kStart = 1u << 1;
  static constexpr std::uint32_t kReady = 1u << 0;  // SR.INITOK
  static constexpr std::uint32_t kDone = 1u << 17;
  static constexpr std::uint32_t kErrors = (1u << 19) | (1u << 20) | (1u << 21);
};
static_assert(offsetof(Pka, ram) == 0x400);

inline Pka& pka() { return *reinterpret_cast<Pka*>(Pka::kBase); }

using PkaNumber = std::array<std::uint8_t, 32>;
struct PkaPoint {
  PkaNumber x{};
  PkaNumber y{};
};

/// Starts the block; the RNG has to run (start_rng), for the block fetches random numbers. False if it does
/// not get ready. May be called again.
[[nodiscard]] bool start_pka();

/// Called again and again while an operation runs; without it the core polls. Sleeping until the interrupt
/// line of the block is pending is one way to wait, letting others run another.
void set_pka_wait(void (*wait)());

/// Whether the point is on P-256.
[[nodiscard]] bool pka_on_curve(const PkaPoint& point);

/// k * point, for a point on the curve. False if the block reports an error or the result is at infinity.
[[nodiscard]] bool pka_multiply(const PkaNumber& k, const PkaPoint& point, PkaPoint& result);

/// A signature with the nonce `k`. False if another nonce has to be tried, or on an error.
[[nodiscard]] bool pka_sign(const PkaNumber& key, const PkaNumber& k, const PkaNumber& digest, PkaNumber& r,
                            PkaNumber& s);

/// What the block says of a signature.
struct PkaVerification {
  static constexpr std::uint32_t kValid = 0xD60D;
  std::uint32_t status = 0;
  PkaNumber computed_r{};  ///< equals r if the signature is valid
};
[[nodiscard]] PkaVerification pka_verify(const PkaPoint& key, const PkaNumber& digest, const PkaNumber& r,
                                         const PkaNumber& s);

/// 0 < number < order of P-256: what a private key, a nonce and the parts of a signature have to be.
[[nodiscard]] bool below_p256_order(const PkaNumber& number);

/// The base point of P-256.
extern const PkaPoint kP256Base;

}  // namespace microvisor::firmware::stm32u5
