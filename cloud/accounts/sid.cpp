// Random identifiers from OpenSSL's generator.
#include "cloud/accounts/sid.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud {

std::string random_hex(std::size_t bytes) {
  protocol::Bytes random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    throw std::runtime_error("no random numbers");
  return protocol::to_hex(random);
}

std::string make_sid(std::string_view prefix) { return std::string(prefix) + random_hex(16); }

bool is_sid(std::string_view prefix, std::string_view text) {
  return text.size() == 34 && text.substr(0, 2) == prefix &&
         std::all_of(text.begin() + 2, text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string lower_sid(std::string_view sid) {
  std::string text(sid.substr(0, 2));
  for (const char c : sid.substr(2)) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace microvisor::cloud
