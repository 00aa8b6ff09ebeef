// Random bytes in host tests: the operating system's.
#include <sys/random.h>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

bool random(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace microvisor::firmware::crypto
