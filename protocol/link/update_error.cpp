// One table for the log stream, the REST API and the command.
#include "protocol/link/update_error.hpp"

#include "protocol/link.pb.h"

namespace microvisor::protocol {

std::string describe_update_error(int error) {
  switch (error) {
    case link::UPDATE_ERROR_FETCH: return "an object could not be fetched";
    case link::UPDATE_ERROR_HASH: return "an object has the wrong hash";
    case link::UPDATE_ERROR_SIGNATURE: return "the signature is missing or wrong";
    case link::UPDATE_ERROR_MANIFEST: return "the device cannot read the manifest";
    case link::UPDATE_ERROR_KERNEL_TOO_OLD: return "the app needs a newer kernel";
    case link::UPDATE_ERROR_STORAGE: return "staging or flash memory failed";
    case link::UPDATE_ERROR_MEASUREMENT: return "what was installed does not read back right";
    case link::UPDATE_ERROR_UNSUPPORTED: return "a layer of a kind the kernel does not know";
    case link::UPDATE_ERROR_OLD_STAGING: return "an older copy of the external flash was put back";
    case link::UPDATE_ERROR_OLD_VAULT: return "the vault is older than the security ratchet";
    case link::UPDATE_ERROR_KERNEL_SIGNER: return "the kernel is not signed by the vendor";
    case link::UPDATE_ERROR_WRONG_DEVICE: return "the kernel is for another device type";
    case link::UPDATE_ERROR_DOWNGRADE: return "the kernel is older than the security ratchet allows";
    case link::UPDATE_ERROR_LAYER_CONTENT: return "a layer is not what belongs in its place";
    case link::UPDATE_ERROR_LAYER_SIZE: return "a layer does not fit its place, or is not whole";
    case link::UPDATE_ERROR_GATE_LAYER: return "a layer of gates is not empty";
    case link::UPDATE_ERROR_UPGRADER_FAILED: return "the new upgrader did not get anywhere";
    case link::UPDATE_ERROR_TRIAL_FAILED: return "the new kernel did not prove itself; the previous one runs";
    case link::UPDATE_ERROR_NOT_CONNECTED:
      return "the new kernel did not reach the cloud in time; the previous one runs";
    case link::UPDATE_ERROR_NO_PREVIOUS_KERNEL:
      return "the new kernel did not prove itself, and there is none to return to";
    case link::UPDATE_ERROR_WRONG_MODULE: return "the firmware is for a module of another kind";
    case link::UPDATE_ERROR_MODULE_OLDER: return "the module has newer firmware";
    case link::UPDATE_ERROR_MODULE_REFUSED: return "the module did not take the firmware";
    case link::UPDATE_ERROR_MODULE_FAILED:
      return "the module's new firmware carried no session; the module goes back to what it had";
    case link::UPDATE_ERROR_UNKNOWN_SIGNER: return "the device does not accept the signer";
    case link::UPDATE_ERROR_REMOVED_SIGNER: return "the device does not accept the signer any more";
    case link::UPDATE_ERROR_OTHER_DEVICE: return "the app is for another device";
    case link::UPDATE_ERROR_LAYERS_SWAPPED: return "a layer came in place of another";
    case link::UPDATE_ERROR_LAYER_TRUNCATED: return "a layer is cut off";
    case link::UPDATE_ERROR_LAYER_EXTENDED: return "a layer is longer than it should be";
    case link::UPDATE_ERROR_NO_LAYER_KEY: return "the device does not have the key to a layer";
    case link::UPDATE_ERROR_DECRYPTION: return "a layer cannot be decrypted";
    default: return "error " + std::to_string(error);
  }
}

std::string describe_keys_error(int error) {
  switch (error) {
    case link::KEYS_ERROR_MALFORMED: return "the device cannot read it";
    case link::KEYS_ERROR_UNKNOWN_SIGNER: return "the device does not accept the signer";
    case link::KEYS_ERROR_SIGNATURE: return "the signature is wrong";
    case link::KEYS_ERROR_OLD: return "it is not newer than the last one";
    case link::KEYS_ERROR_OTHER_DEVICE: return "it is for another device";
    case link::KEYS_ERROR_TOO_MANY: return "there would be more than 4 signers";
    case link::KEYS_ERROR_NONE_LEFT: return "no signer would be left";
    case link::KEYS_ERROR_BAD_KEY: return "a key is no point of P-256";
    case link::KEYS_ERROR_BAD_LAYER_KEY: return "a key to encrypted layers is not for this device";
    case link::KEYS_ERROR_STORAGE: return "the flash memory failed";
    default: return "error " + std::to_string(error);
  }
}

}  // namespace microvisor::protocol
