// What went wrong with an update or a change of keys, for people: the numbers of UpdateError and KeysError
// (link.proto) in words.
#pragma once

#include <string>

namespace microvisor::protocol {

/// A few words that end a sentence; unknown numbers come out as "error N".
std::string describe_update_error(int error);
std::string describe_keys_error(int error);

}  // namespace microvisor::protocol
