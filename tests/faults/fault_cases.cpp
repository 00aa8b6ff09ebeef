#include "tests/faults/fault_cases.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "board/fault/instruction.hpp"
#include "board/memory/random_bits.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kExecutionsOfAll = 16;
constexpr std::uint32_t kFirst = 4, kLast = 4, kBetween = 8;

}  // namespace

std::string id_of(std::string_view scenario, const Case& item) {
  return std::string(scenario) + (item.inverts ? ":invert:" : ":skip:") + std::to_string(item.number);
}

Case case_of(const std::string& id) {
  const std::size_t kind = id.find(':');
  const std::size_t number = id.rfind(':');
  if (kind == std::string::npos || number == kind) throw std::runtime_error("no such case: " + id);
  return {std::stoull(id.substr(number + 1)), id.substr(kind + 1, number - kind - 1) == "invert"};
}

board::Fault fault_of(const Case& item) {
  // Branches are counted from the moment at which the fault is asked for.
  return {.kind = item.inverts ? board::Fault::Kind::InvertBranch : board::Fault::Kind::SkipInstruction,
          .number = item.inverts ? 1 : item.number};
}

void WayTrace::pass(const board::Core& core, std::uint64_t number) {
  const std::uint32_t address = core.state.r[15];
  Site& site = sites_[address];
  if (site.executions++ == 0) site.conditional = board::at_conditional_branch(core);
  steps_.push_back({number, address});
}

std::vector<Case> WayTrace::cases(std::uint64_t last, std::uint64_t seed) const {
  board::RandomBits random(seed);
  std::vector<Case> cases;
  std::unordered_map<std::uint32_t, std::uint32_t> seen;
  for (std::size_t index = 0; index < steps_.size(); ++index) {
    const Step& step = steps_[index];
    const Site& site = sites_.at(step.address);
    const std::uint32_t turn = seen[step.address]++;
    const bool wanted = site.executions <= kExecutionsOfAll || turn < kFirst ||
                        turn + kLast >= site.executions || random.below(site.executions) < kBetween;
    if (!wanted || index + last < steps_.size()) continue;
    cases.push_back({step.number, false});
    if (site.conditional) cases.push_back({step.number, true});
  }
  return cases;
}

std::vector<Case> drawn(std::vector<Case> cases, std::uint64_t count, std::uint64_t seed) {
  board::RandomBits random(seed + 1);
  for (std::size_t left = cases.size(); left > 1; --left)
    std::swap(cases[left - 1], cases[random.below(left)]);
  cases.resize(std::min<std::size_t>(cases.size(), count));
  std::ranges::sort(cases, {}, &Case::number);
  return cases;
}

}  // namespace microvisor::tests
