// Bundles and manifests as cloud and command read them. What is accepted can be written again and is then
// read as the same.
#include "protocol/bundle/bundle.hpp"
#include "fuzz/input.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
namespace protocol = microvisor::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  if (input.choose(2) == 0) {
    static_cast<void>(protocol::parse_manifest(input.rest()));
    return 0;
  }
  const auto bundle = protocol::read_bundle(input.rest());
  if (!bundle) return 0;
  const auto again = protocol::read_bundle(protocol::write_bundle(*bundle));
  require(again && again->manifest == bundle->manifest && again->layers.size() == bundle->layers.size());
  return 0;
}
