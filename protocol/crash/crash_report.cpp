#include "protocol/crash/crash_report.hpp"

#include <algorithm>

#include "protocol/bundle/hpke.hpp"

namespace microvisor::protocol {
namespace {

constexpr std::string_view kInfo = "microvisor-crash-report-v1";
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kKeyIdSize = 8;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kHeaderSize = 1 + kKeyIdSize + std::tuple_size_v<PublicKey>;

}  // namespace

std::string crash_key_id(const PublicKey& key) {
  std::uint64_t id = key_id(2, key);
  Bytes bytes(kKeyIdSize);
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, id >>= 8)
    *byte = static_cast<std::uint8_t>(id);
  return to_hex(bytes);
}

Result<std::string> key_id_of_crash_report(ByteView report) {
  if (report.size() < kHeaderSize + kTagSize || report[0] != kFormat)
    return refuse(Refusal::BadCrashReport, "not a crash report, or one of a newer version");
  return to_hex(report.subspan(1, kKeyIdSize));
}

Result<crash::CrashReport> open_crash_report(ByteView report, const SigningKey& key,
                                             const std::string& device_sid) {
  const auto id = key_id_of_crash_report(report);
  if (!id) return tl::unexpected(id.error());
  const std::string own = crash_key_id(key.public_key());
  if (*id != own) {
    return refuse(Refusal::ForeignCrashKey, "the report is encrypted to key " + *id + ", this is key " + own);
  }
  PublicKey encapsulated{};
  std::copy_n(report.begin() + 1 + kKeyIdSize, encapsulated.size(), encapsulated.begin());
  const auto plain =
      hpke_open(encapsulated, key, as_bytes(kInfo), as_bytes(device_sid), report.subspan(kHeaderSize));
  crash::CrashReport opened;
  if (!plain || !opened.ParseFromArray(plain->data(), static_cast<int>(plain->size())))
    return refuse(Refusal::BadCrashReport, "the report is damaged, or not device " + device_sid + "'s");
  return opened;
}

}  // namespace microvisor::protocol
