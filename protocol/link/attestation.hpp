// What a device signs about itself at a connection (protocol/LINK.md, "Attestation"): fields and their order,
// for the device that writes them and the cloud that reads them.
//
// A statement has a fixed length: there is one way to write it and nothing to parse. Numbers are big-endian.
// Freestanding: part of the kernel too.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace microvisor::protocol {

/// Begins every statement, so that a signature over one is none over anything else that the key signs.
inline constexpr std::string_view kAttestationPrefix = "microvisor attestation 1";
inline constexpr std::uint32_t kAttestationVersion = 1;  ///< in Hello: the device answers a nonce by this

using AttestedDigest = std::array<std::uint8_t, 32>;  ///< SHA-256; zeros: there is none

/// What the bootrom has measured before it entered the kernel (docs/boot.md, "Boot measurements").
struct BootEvidence {
  std::uint32_t record = 0;          ///< flags of the boot record
  std::uint32_t reset_cause = 0;     ///< RCC_CSR
  std::uint32_t ratchet = 0;         ///< steps burnt in OTP
  std::uint32_t kernel_ratchet = 0;  ///< of the kernel's manifest
  std::uint32_t kernel_version = 0;  ///< number in the kernel's manifest
  AttestedDigest bootrom{};          ///< all of the pages of the copy that ran
  AttestedDigest upgrader{};         ///< all of the pages of the copy in force
  AttestedDigest kernel{};           ///< the image
  AttestedDigest kernel_manifest{};  ///< the whole envelope
  friend bool operator==(const BootEvidence&, const BootEvidence&) = default;
};

struct AttestationStatement {
  AttestedDigest nonce{};
  BootEvidence boot;
  AttestedDigest application{};  ///< manifest of the installed application
  friend bool operator==(const AttestationStatement&, const AttestationStatement&) = default;
};

inline constexpr std::size_t kAttestationStatementSize = kAttestationPrefix.size() + 6 * 32 + 5 * 4;
using AttestationBytes = std::array<std::uint8_t, kAttestationStatementSize>;

namespace attestation {

/// Calls `number` and `digest` with each field, in the order in which they are written.
template <class Statement, class Number, class Digest>
constexpr void each_field(Statement& statement, Number&& number, Digest&& digest) {
  auto& boot = statement.boot;
  digest(statement.nonce);
  number(boot.kernel_version);
  number(boot.ratchet);
  number(boot.kernel_ratchet);
  number(boot.record);
  number(boot.reset_cause);
  digest(boot.bootrom);
  digest(boot.upgrader);
  digest(boot.kernel);
  digest(boot.kernel_manifest);
  digest(statement.application);
}

}  // namespace attestation

/// Writes the bytes that are signed.
inline void write_statement(const AttestationStatement& statement,
                            std::span<std::uint8_t, kAttestationStatementSize> out) {
  auto to = std::copy(kAttestationPrefix.begin(), kAttestationPrefix.end(), out.begin());
  attestation::each_field(
      statement,
      [&](std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) *to++ = static_cast<std::uint8_t>(value >> shift);
      },
      [&](const AttestedDigest& value) { to = std::copy(value.begin(), value.end(), to); });
}

/// False: the bytes are no statement.
[[nodiscard]] inline bool read_statement(std::span<const std::uint8_t> bytes,
                                         AttestationStatement& statement) {
  if (bytes.size() != kAttestationStatementSize ||
      !std::equal(kAttestationPrefix.begin(), kAttestationPrefix.end(), bytes.begin()))
    return false;
  auto from = bytes.begin() + kAttestationPrefix.size();
  attestation::each_field(
      statement,
      [&](std::uint32_t& value) {
        value = 0;
        for (int i = 0; i < 4; ++i) value = value << 8 | *from++;
      },
      [&](AttestedDigest& value) {
        std::copy_n(from, value.size(), value.begin());
        from += static_cast<std::ptrdiff_t>(value.size());
      });
  return true;
}

}  // namespace microvisor::protocol
