// OpenSSL's random numbers as a function of a seed, for runs that are to be repeated exactly.
#pragma once

#include <cstdint>

namespace microvisor::test {

/// From now on, in this process, everything OpenSSL draws comes from `seed`: keys, nonces, TLS randoms. For
/// tests only.
void seed_openssl(std::uint64_t seed);

}  // namespace microvisor::test
