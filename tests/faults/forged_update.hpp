// Applications that a device must refuse as soon as it has their manifest, though the gateway offers them:
// for faults in the check. What they name, the gateway has.
//
// All applications here sleep from their first instruction on, so that the device's own work is all there is
// to see.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/faults/application_update.hpp"

namespace microvisor::tests {

struct Forgery {
  const char* name;
  std::string refusal;  ///< what the device tells the gateway
  protocol::Hash manifest{};
  std::size_t manifest_size = 0;
};

/// The old version is the application that is to stay; the new one is genuine as well, so that what it is
/// made of can be in the staging area.
class ForgedUpdate final : public ApplicationUpdate {
 public:
  explicit ForgedUpdate(std::uint64_t seed);

  [[nodiscard]] const std::vector<Forgery>& forgeries() const { return forgeries_; }
  /// The gateway names this one. From now on no application but the old one may start.
  void offer(const Forgery& forgery);
  using ApplicationUpdate::offer;
  /// Another application than the old one has started since.
  [[nodiscard]] bool forged_runs() const { return forged_runs_; }
  [[nodiscard]] std::string application_starts(board::BoardMemories& memories) override;

 private:
  void add(const char* name, const std::string& refusal, const protocol::Bytes& envelope);

  std::vector<Forgery> forgeries_;
  bool forging_ = false;
  bool forged_runs_ = false;
};

}  // namespace microvisor::tests
