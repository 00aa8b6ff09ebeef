// Crash reports as they come from a device, and their contents once opened. None of them opens: nobody has
// the key.
#include "protocol/crash/crash_report.hpp"
#include "fuzz/input.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
namespace protocol = microvisor::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const protocol::SigningKey key = protocol::SigningKey::generate();
  const protocol::ByteView bytes(data, size);
  const auto id = protocol::key_id_of_crash_report(bytes);
  if (id) require(id->size() == 16);
  require(!protocol::open_crash_report(bytes, key, "UV00000000000000000000000000000000"));
  microvisor::crash::CrashReport report;
  static_cast<void>(report.ParseFromArray(data, static_cast<int>(size)));
  return 0;
}
