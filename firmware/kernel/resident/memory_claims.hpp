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
      48;  // 32 notification centres, 4 channels with two buffers each, 2 logs, spare

  [[nodiscard]] bool overlaps(Address address, std::uint32_t size) const {
    for (const Claim& claim : claims_) {
      if (claim.size != 0 && address < claim.address + claim.size && claim.address < address + size)
        return true;
    }
    return false;
  }
  /// False: no room for another claim.
  [[nodiscard]] bool add(Address address, std::uint32_t size) {
    for (Claim& claim : claims_) {
      if (claim.size != 0) continue;
      claim = {address, size};
      return true;
    }
    return false;
  }
  void remove(Address address) {
    for (Claim& claim : claims_) {
      if (claim.size != 0 && claim.address == address) claim = {};
    }
  }
  void clear() { claims_ = {}; }

 private:
  struct Claim {
    Address address = 0;
    std::uint32_t size = 0;  // 0: free
  };
  std::array<Claim, kCapacity> claims_{};
};

}  // namespace microvisor::firmware::kernel
