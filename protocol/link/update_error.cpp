// One table for the log stream, the REST API and the command.
#include "protocol/link/update_error.hpp"

#include "protocol/link.pb.h"

namespace microvisor::protocol {

std::string describe_update_error(int error) {
  switch (error) {
    case link::UPDATE_ERROR_FETCH: return "an object could not be fetched";
    case link::UPDATE_ERROR_HASH: return "an object has the wrong hash";
    case link::UPDATE_ERROR_SIGNATURE: return "the device does not accept the signature";
    case link::UPDATE_ERROR_MANIFEST: return "the device cannot read the manifest";
    case link::UPDATE_ERROR_KERNEL_TOO_OLD: return "the app needs a newer kernel";
    case link::UPDATE_ERROR_STORAGE: return "staging or flash memory failed";
    case link::UPDATE_ERROR_MEASUREMENT: return "what was installed does not read back right";
    case link::UPDATE_ERROR_UNSUPPORTED: return "a layer of a kind the kernel does not know";
    default: return "error " + std::to_string(error);
  }
}

}  // namespace microvisor::protocol
