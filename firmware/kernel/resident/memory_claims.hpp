// Which parts of the application's memory serve the kernel at present: rings, log buffers, channel buffers.
// No byte serves two purposes.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/kernel/resident/application_memory.hpp"

namespace microvisor::firmware::kernel {

class MemoryClaims {
 public:
  static constexpr unsigned kCapacity =
      48;  // 32 notification centres, 4 channels and an interface with two buffers each, 2 logs, spare

  [[nodiscard]] bool overlaps(Address address, std::uint32_t size) const {
    const Address end = address + size;
    for (const Claim *claim = claims_.data(), *last = claim + count_; claim != last; ++claim) {
      if (address < claim->end && claim->address < end) return true;
    }
    return false;
  }
  /// False: no room for another claim.
  [[nodiscard]] bool add(Address address, std::uint32_t size) {
    if (count_ == kCapacity) return false;
    claims_[count_++] = {address, address + size};
    ++changes_;
    return true;
  }
  void remove(Address address) {
    for (unsigned i = 0; i < count_; ++i) {
      if (claims_[i].address != address) continue;
      claims_[i] = claims_[--count_];
      ++changes_;
      return;
    }
  }
  void clear() { count_ = 0; }
  /// Another number after each change.
  [[nodiscard]] std::uint32_t changes() const { return changes_; }

 private:
  struct Claim {
    Address address = 0;
    Address end = 0;
  };
  std::array<Claim, kCapacity> claims_{};  // the first count_ of them, in no order: calls look only at these
  unsigned count_ = 0;
  std::uint32_t changes_ = 0;
};

}  // namespace microvisor::firmware::kernel
