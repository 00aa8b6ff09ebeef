#include "cloud/deployments/returns.hpp"

#include <algorithm>

namespace microvisor::cloud {

bool crashes_too_often(const AppReturn& record) {
  if (record.crashes.empty()) return false;
  const std::uint32_t limit = record.after_crashes != 0 ? record.after_crashes : kDefaultReturnCrashes;
  const Timestamp begin = record.crashes.back() - static_cast<Timestamp>(record.within_seconds) * kSecond;
  const auto recent = std::count_if(record.crashes.begin(), record.crashes.end(),
                                    [begin](Timestamp crash) { return crash >= begin; });
  return static_cast<std::uint32_t>(recent) >= limit;
}

bool note_crash(AppReturn& record, Timestamp now) {
  record.crashes.push_back(now);
  if (record.crashes.size() > kMaxReturnCrashes) record.crashes.erase(record.crashes.begin());
  return crashes_too_often(record);
}

void note_replacement(AppReturn& record, const std::optional<std::string>& previous) {
  if (previous && !crashes_too_often(record)) record.last_good = previous;
  record.crashes.clear();
}

}  // namespace microvisor::cloud
