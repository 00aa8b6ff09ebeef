// What the security controller (GTZC) offers to other blocks: who owns a block, and where illegal accesses
// are reported.
#pragma once

#include <cstdint>
#include <functional>

namespace microvisor::board {

/// Implemented by the GTZC blocks together. Blocks are named by their non-secure base address.
class Protection {
 public:
  virtual ~Protection() = default;
  /// TZSC has marked this securable block secure (false for blocks without a TZSC bit).
  [[nodiscard]] virtual bool secure(std::uint32_t peripheral_base) const = 0;
  /// TZSC has marked this securable block privileged.
  [[nodiscard]] virtual bool privileged(std::uint32_t peripheral_base) const = 0;
  /// Latches the illegal-access flag (TZIC) of the block: for TrustZone-aware blocks, which check for
  /// themselves.
  virtual void report_illegal_access(std::uint32_t peripheral_base) = 0;
  /// Called after any attribute has changed, for as long as the board lives.
  virtual void on_change(std::function<void()> listener) = 0;
};

}  // namespace microvisor::board
