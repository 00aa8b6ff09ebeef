// Changes of keys, and keys to encrypted layers on their way to a device, as the cloud reads them: any bytes,
// and any bytes as the body of a message that somebody has signed. What is read says the same when it is
// written again.
#include "protocol/bundle/key_change.hpp"
#include "fuzz/input.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
namespace protocol = microvisor::protocol;

namespace {

const protocol::SigningKey& signer() {
  static const protocol::SigningKey key = protocol::SigningKey::generate();
  return key;
}

void check_change(protocol::ByteView message) {
  const auto read = protocol::read_key_change(message);
  if (!read) return;
  require(read->change.sequence != 0 && read->change.add_signers.size() <= protocol::kMaxSigners &&
          read->change.add_layer_keys.size() <= protocol::kMaxLayerKeys);
  const auto again = protocol::read_key_change(protocol::sign_key_change(read->change, signer()));
  require(!again || (again->change.sequence == read->change.sequence &&
                     again->change.device_sid == read->change.device_sid &&
                     again->change.remove_signers == read->change.remove_signers &&
                     again->change.add_signers == read->change.add_signers &&
                     again->change.remove_layer_keys == read->change.remove_layer_keys &&
                     again->change.add_layer_keys == read->change.add_layer_keys));
}

void check_wrapped_key(protocol::ByteView bytes) {
  const auto read = protocol::read_wrapped_key(bytes);
  if (!read) return;
  const auto again = protocol::read_wrapped_key(protocol::write_wrapped_key(*read));
  require(again && *again == *read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  switch (input.choose(3)) {
    case 0: check_change(input.rest()); break;
    case 1: check_change(protocol::sign_envelope(input.rest(), signer())); break;
    default: check_wrapped_key(input.rest()); break;
  }
  return 0;
}
