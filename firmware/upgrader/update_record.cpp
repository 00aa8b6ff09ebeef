// Format: phase, error, attempts, flags (bit 0 bootrom B, bit 1 old bootrom B, bit 2 kernel replaced, bit 3
// reported),
// target.
#include "firmware/upgrader/update_record.hpp"

#include <algorithm>

namespace microvisor::firmware::upgrader {

namespace {

using vault::Copy;

constexpr std::uint32_t kBootromB = 1u << 0;
constexpr std::uint32_t kOldBootromB = 1u << 1;
constexpr std::uint32_t kKernelReplaced = 1u << 2;
constexpr std::uint32_t kReported = 1u << 3;
constexpr std::size_t kHeader = 4;
using Stored = std::array<std::uint8_t, kHeader + 32>;

}  // namespace

UpdateRecord load_update(vault::Store& store) {
  Stored bytes{};
  std::size_t size = 0;
  if (store.get(vault::Key::KernelUpdate, bytes, size) != vault::StoreStatus::Ok || size != bytes.size() ||
      bytes[0] > static_cast<std::uint8_t>(Phase::Returned))
    return {};
  UpdateRecord record;
  record.phase = static_cast<Phase>(bytes[0]);
  record.error = static_cast<update::UpdateError>(bytes[1]);
  record.attempts = bytes[2];
  record.bootrom = (bytes[3] & kBootromB) != 0 ? Copy::B : Copy::A;
  record.old_bootrom = (bytes[3] & kOldBootromB) != 0 ? Copy::B : Copy::A;
  record.kernel_replaced = (bytes[3] & kKernelReplaced) != 0;
  record.reported = (bytes[3] & kReported) != 0;
  std::copy(bytes.begin() + kHeader, bytes.end(), record.target.begin());
  return record;
}

bool save_update(vault::Store& store, const UpdateRecord& record) {
  Stored bytes{};
  bytes[0] = static_cast<std::uint8_t>(record.phase);
  bytes[1] = static_cast<std::uint8_t>(record.error);
  bytes[2] = record.attempts;
  bytes[3] = static_cast<std::uint8_t>(
      (record.bootrom == Copy::B ? kBootromB : 0u) | (record.old_bootrom == Copy::B ? kOldBootromB : 0u) |
      (record.kernel_replaced ? kKernelReplaced : 0u) | (record.reported ? kReported : 0u));
  std::copy(record.target.begin(), record.target.end(), bytes.begin() + kHeader);
  return store.put(vault::Key::KernelUpdate, bytes) == vault::StoreStatus::Ok;
}

}  // namespace microvisor::firmware::upgrader
