// Which faults to try on a way that a device has gone once: each instruction of it skipped, each conditional
// branch inverted.
//
// An instruction that is executed up to kExecutionsOfAll times is hit in each of them; of those in long loops
// (hashing, big integers) the first, the last and some in between are, drawn from the seed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "board/cpu/core.hpp"
#include "board/fault/fault.hpp"

namespace microvisor::tests {

struct Case {
  std::uint64_t number = 0;  ///< of the instruction, from 1 at power-on
  bool inverts = false;
};

/// "SCENARIO:skip:N" or "SCENARIO:invert:N".
[[nodiscard]] std::string id_of(std::string_view scenario, const Case& item);
/// Throws std::runtime_error for what is none.
[[nodiscard]] Case case_of(const std::string& id);
/// For a board that is about to execute the instruction.
[[nodiscard]] board::Fault fault_of(const Case& item);

/// The instructions of a way, in their order.
class WayTrace {
 public:
  /// `core` is about to execute the instruction with this number.
  void pass(const board::Core& core, std::uint64_t number);
  [[nodiscard]] std::size_t addresses() const { return sites_.size(); }
  /// Of the last `last` instructions.
  [[nodiscard]] std::vector<Case> cases(std::uint64_t last, std::uint64_t seed) const;

 private:
  struct Step {
    std::uint64_t number;
    std::uint32_t address;
  };
  struct Site {
    std::uint32_t executions = 0;
    bool conditional = false;
  };
  std::vector<Step> steps_;
  std::unordered_map<std::uint32_t, Site> sites_;
};

/// `count` of the cases, drawn from the seed, in their order.
[[nodiscard]] std::vector<Case> drawn(std::vector<Case> cases, std::uint64_t count, std::uint64_t seed);

}  // namespace microvisor::tests
