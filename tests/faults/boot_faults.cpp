// One fault in the boot of a device that holds something which must not run (boot_scenarios.hpp), or that is
// offered it (manifest_faults.hpp), at every instruction of the way on which it finds that out: skipped, or,
// if it is a conditional branch, inverted. Whatever happens then, nothing of the attacker's may run or be
// left to run next.
//
//   boot_faults [--scenario NAME] [--last N] [--seed S] [--sample N] [--for SECONDS] [--replay
//   SCENARIO:KIND:N]
//
// The way is traced once: N counts instructions from power-on, and fault_cases.hpp says which of them are
// hit. --last leaves out all but the last N instructions, the decisions; they are quickly tried, because a
// case costs what comes after its fault.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/faults/boot_scenarios.hpp"
#include "tests/faults/campaign.hpp"
#include "tests/faults/fault_cases.hpp"
#include "tests/faults/manifest_faults.hpp"

namespace microvisor::tests {
namespace {

/// How long the attacker's kernel may go unnoticed; it does not end by itself.
constexpr std::uint64_t kSlice = 200'000;

bool holds_factory(Device& device, firmware::Pages pages) {
  static const firmware::image::FlashImage image = factory_image();
  const std::uint32_t offset = pages.address() - firmware::kMicrovisorFlash;
  return std::ranges::equal(device.microvisor_bank().subspan(offset, pages.size()),
                            std::span(image.bank2).subspan(offset, pages.size()));
}

/// An update has been refused when the genuine kernel runs and nothing else is chosen for the next start.
Verdict refused(Device& device) {
  const firmware::image::JournalState journal = device.journal();
  const bool genuine =
      holds_factory(device, firmware::kKernel) &&
      holds_factory(device, journal.bootrom == 'A' ? firmware::kBootromA : firmware::kBootromB) &&
      holds_factory(device, journal.upgrader == 'A' ? firmware::kUpgraderA : firmware::kUpgraderB);
  return {genuine, genuine ? "the genuine kernel runs" : "what is not signed has been installed"};
}

/// Lets the device run on to the end of the way, and for as long again after each reset, and says what
/// becomes of it.
Verdict outcome(Device& device, const Scenario& scenario, std::uint64_t way) {
  constexpr std::uint64_t kMostResets = 8, kDelay = 2'000'000;
  const bool upgrades = scenario.way.first == firmware::kUpgraderA.first;
  const auto end = [&] { return way * (1 + std::min(device.board().resets(), kMostResets)) + kDelay; };
  while (device.instructions() < end()) {
    device.run(kSlice);
    if (attacker_runs(device, scenario)) return {false, "what must not run did"};
    if (upgrades && in_pages(device, firmware::kKernel)) return refused(device);
    if (device.end() != board::RunEnd::Limit) break;
  }
  const firmware::BootStatus status = device.status();
  if (device.end() == board::RunEnd::Limit)
    return {true, status.stage == firmware::BootStage::Kernel ? "the kernel runs on" : "goes round for ever"};
  if (device.end() == board::RunEnd::LockedUp) return {true, "locked up"};
  if (status.code == firmware::BootCode::Running) return {true, "sleeps without a word"};
  return {true, std::string("stops: ") + firmware::describe(status.code)};
}

/// The way of a device without fault, and what to try on it.
struct Way {
  std::uint64_t instructions = kPlenty / 2;  ///< from power-on to its end
  std::vector<Case> cases;
};

/// Goes the way. The number of its first instruction comes back.
std::uint64_t pass(Device& device, const Scenario& scenario, WayTrace& passed) {
  while (!in_pages(device, scenario.way)) device.run(1);
  const std::uint64_t first = device.instructions() + 1;
  const std::uint64_t end = scenario.way.first == firmware::kKernel.first ? past_refusal() : kPlenty;
  watch(device);
  while (device.instructions() < end) {
    const bool other_stage = in_pages(device, kAllPages) && !in_pages(device, scenario.way);
    if (other_stage) break;
    const std::uint64_t before = device.instructions();
    passed.pass(device.board().core(), before + 1);
    device.run(1);
    if (device.instructions() == before) break;  // asleep for good
  }
  if (attacker_runs(device, scenario))
    throw std::runtime_error(std::string(scenario.name) + ": what must not run does without any fault");
  return first;
}

Way trace(const Scenario& scenario, std::uint64_t last, std::uint64_t seed) {
  Device device;
  scenario.tamper(device);
  device.switch_on();
  WayTrace passed;
  const std::uint64_t first = pass(device, scenario, passed);
  std::vector<Case> cases = passed.cases(last, seed);
  fmt::print("{}: instructions {} to {} at {} addresses, {} cases\n", scenario.name, first,
             device.instructions(), passed.addresses(), cases.size());
  return {device.instructions(), std::move(cases)};
}

void sweep(Campaign& campaign, const Scenario& scenario, const Way& way) {
  Device device;
  scenario.tamper(device);
  device.switch_on();
  watch(device);
  for (const Case& item : way.cases) {
    const std::string id = id_of(scenario.name, item);
    if (!campaign.wants(id)) continue;
    if (item.number - 1 > device.instructions()) device.run(item.number - 1 - device.instructions());
    campaign.branch(id, [&] {
      const std::uint32_t address = device.board().core().state.r[15];
      device.board().inject(fault_of(item));
      Verdict verdict = outcome(device, scenario, way.instructions);
      if (!verdict.good) verdict.text += fmt::format(" after a fault at 0x{:08x}", address);
      return verdict;
    });
  }
}

int run(int count, char** values) {
  std::string only;
  std::uint64_t last = ~std::uint64_t{0} / 2;
  const CampaignArguments arguments =
      parse_arguments(count, values, [&](const std::string& option, const std::string& value) {
        if (option == "--scenario") only = value;
        if (option == "--last") last = std::stoull(value);
        return option == "--scenario" || option == "--last";
      });
  const std::string& replay = arguments.options.replay;
  if (!replay.empty()) only = replay.substr(0, replay.find(':'));
  Campaign campaign(arguments.options);
  std::printf("seed %llu\n", static_cast<unsigned long long>(arguments.seed));
  for (const Scenario& scenario : boot_scenarios()) {
    if (!only.empty() && only != scenario.name) continue;
    Way way;
    if (replay.empty()) {
      way = trace(scenario, last, arguments.seed);
    } else {
      way.cases = {case_of(replay)};
    }
    if (arguments.sample != 0) way.cases = drawn(std::move(way.cases), arguments.sample, arguments.seed);
    sweep(campaign, scenario, way);
  }
  if (only.empty() || only.starts_with("manifest"))
    sweep_manifests(campaign, {only, replay, arguments.seed, arguments.sample, last});
  return campaign.finish();
}

}  // namespace
}  // namespace microvisor::tests

int main(int count, char** values) {
  return microvisor::tests::main_of("boot_faults", microvisor::tests::run, count, values);
}
