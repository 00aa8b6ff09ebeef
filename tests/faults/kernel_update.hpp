// Microvisor itself is updated, by the shipped images beside an application that stays: the kernel alone, or
// bootrom and upgrader with it, as a release has them.
#pragma once

#include <string>

#include "tests/boot/release.hpp"
#include "tests/faults/update_kind.hpp"

namespace microvisor::tests {

class KernelUpdate final : public UpdateKind {
 public:
  KernelUpdate(const std::string& application, bool with_stages, std::uint64_t seed);

  [[nodiscard]] std::string application_starts(board::BoardMemories& memories) override;
  [[nodiscard]] bool complete(Version version, board::BoardMemories& memories) override;
  [[nodiscard]] std::string phase(const firmware::image::JournalState& journal) const override {
    const std::string error = journal.kernel_error == 0 ? "" : " for " + std::to_string(journal.kernel_error);
    return journal.kernel_phase + error;  // UpdateError in protocol/link.proto
  }
  void offer(Version version) override;

 private:
  /// The pages hold this and nothing else, and all of it can be read.
  [[nodiscard]] static bool hold(firmware::Pages pages, std::span<const std::uint8_t> image,
                                 board::BoardMemories& memories);
  /// What stands there is the old or the new version of it.
  [[nodiscard]] bool is_whole(firmware::Pages pages, char copy, const Bytes& layer,
                              board::BoardMemories& memories) const;

  Application application_;
  Release release_;
  Bytes new_kernel_;  // all of its pages
  protocol::Hash target_{};
};

}  // namespace microvisor::tests
