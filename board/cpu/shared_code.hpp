// Decoded pages that the boards of this process share.
//
// A page that is here never changes, so any thread may execute from it. A board that has decoded more of the
// same bytes publishes another version, which has what both had; boards with the older one keep it until they
// miss something. A page lives as long as a board holds it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "board/cpu/decoded_page.hpp"

namespace microvisor::board {

struct SharedPage : DecodedPage {
  SharedPage(const DecodedPage& page, const std::uint8_t* bytes);
  std::array<std::uint8_t, kPageBytes> code;
};

/// One a process; any thread.
class SharedCode {
 public:
  using Page = std::shared_ptr<const SharedPage>;
  static SharedCode& instance();

  /// The latest version of page `number` with these kPageBytes of code, or null.
  [[nodiscard]] Page find(std::uint32_t number, const std::uint8_t* code);
  /// What to execute instead of `page`: a version that has all of its records. `page` has no marks.
  [[nodiscard]] Page publish(const DecodedPage& page, const std::uint8_t* code);
  /// Pages that some board holds, the latest version of each.
  [[nodiscard]] std::size_t size();

 private:
  void sweep();

  std::mutex mutex_;
  /// By a hash of number and bytes. Of two pages with one hash only the first is shared.
  std::unordered_map<std::size_t, std::weak_ptr<const SharedPage>> pages_;
  std::size_t sweep_at_ = 0;
};

}  // namespace microvisor::board
