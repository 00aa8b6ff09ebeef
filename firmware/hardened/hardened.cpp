// The comparisons, kept out of line: what they return has been in memory, not in a register of the caller.
#include "firmware/hardened/hardened.hpp"

namespace microvisor::firmware::hardened {

Verdict verdict_of(const volatile std::uint32_t& difference) {
  if (difference != 0) return Verdict::Invalid;
  return static_cast<Verdict>(static_cast<std::uint32_t>(Verdict::Valid) ^ difference);
}

Verdict equal(const std::array<std::uint8_t, 32>& a, const std::array<std::uint8_t, 32>& b) {
  Remainder left(static_cast<std::uint32_t>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) left.take(1, static_cast<std::uint8_t>(a[i] ^ b[i]));
  return left.verdict();
}

}  // namespace microvisor::firmware::hardened
