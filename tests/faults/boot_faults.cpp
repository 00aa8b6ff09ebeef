// One fault in the boot of a device whose kernel must not run, at every instruction of the way: skipped, or,
// if it is a conditional branch, inverted. Whatever happens then, no instruction of that kernel may run.
//
//   boot_faults [--scenario NAME] [--last N] [--seed S] [--sample N] [--for SECONDS] [--replay
//   SCENARIO:KIND:N]
//
// The way is traced once: N counts instructions from power-on. An instruction that is executed up to
// kExecutionsOfAll times is hit in each of them; of those in long loops (hashing, big integers) the first,
// the last and some in between are, drawn from the seed. --last leaves out all but the last N instructions,
// the decisions; they are quickly tried, because a case costs what comes after its fault. The attacker's
// kernel is a vector table and nothing but "b .", so that wherever it is entered it stays there and is found.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "board/fault/fault.hpp"
#include "board/fault/instruction.hpp"
#include "board/memory/random_bits.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "protocol/bundle/crypto.hpp"
#include "tests/boot/device.hpp"
#include "tests/faults/campaign.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kExecutionsOfAll = 16;
constexpr std::uint32_t kFirst = 4, kLast = 4, kBetween = 8;
/// How long the attacker's kernel may go unnoticed; it does not end by itself.
constexpr std::uint64_t kSlice = 200'000;

// --- the devices
// ----------------------------------------------------------------------------------------------------------

std::vector<std::uint8_t> spinning_kernel() {
  std::vector<std::uint8_t> image(firmware::image::image_sizes().kernel_flash);
  for (std::size_t at = 0; at + 1 < image.size(); at += 2) image[at] = 0xFE, image[at + 1] = 0xE7;
  const std::uint32_t words[] = {firmware::kMicrovisorRam + firmware::kMicrovisorRamSize,
                                 firmware::kKernel.address() + 0x401};
  for (std::size_t i = 0; i < sizeof words; ++i)
    image[i] = static_cast<std::uint8_t>(words[i / 4] >> i % 4 * 8);
  return image;
}

/// The attacker's kernel beside the genuine manifest: only the hash stands in its way.
void replace_image(Device& device) { device.write(firmware::kKernel.address(), spinning_kernel()); }

/// And with a manifest that names its hash, under the genuine signature: only the signature does.
void replace_image_and_manifest(Device& device) {
  const firmware::image::FlashImage genuine = factory_image();
  const auto pages =
      std::span(genuine.bank2)
          .subspan(firmware::kKernel.address() - firmware::kMicrovisorFlash, firmware::kKernel.size());
  const auto trailer = pages.last(firmware::kKernelTrailerSize);
  const std::vector<std::uint8_t> image = spinning_kernel();
  const auto old_hash = protocol::sha256(pages.first(image.size()));
  const auto new_hash = protocol::sha256(image);
  const auto found = std::search(trailer.begin(), trailer.end(), old_hash.begin(), old_hash.end());
  if (found == trailer.end()) throw std::runtime_error("the manifest does not hold the kernel's hash");
  replace_image(device);
  device.write(firmware::kKernelTrailer + static_cast<std::uint32_t>(found - trailer.begin()), new_hash);
}

/// The genuine kernel on a device whose ratchet has gone on.
void raise_ratchet(Device& device) { device.program_ratchet(1); }

struct Scenario {
  const char* name;
  void (*tamper)(Device&);
};
constexpr Scenario kScenarios[] = {
    {"hash", replace_image}, {"signature", replace_image_and_manifest}, {"ratchet", raise_ratchet}};

// --- the cases
// ----------------------------------------------------------------------------------------------------------

struct Case {
  std::uint64_t number = 0;  ///< of the instruction, from 1
  bool inverts = false;
};

std::string id_of(const Scenario& scenario, const Case& item) {
  return std::string(scenario.name) + (item.inverts ? ":invert:" : ":skip:") + std::to_string(item.number);
}

bool in_kernel(Device& device) {
  const std::uint32_t pc = device.board().core().state.r[15];
  const bool inside = pc >= firmware::kKernel.address() && pc < firmware::kKernel.end();
  return inside || device.handed_over() || device.status().stage == firmware::BootStage::Kernel;
}

/// Lets the device run on for so many instructions and says what becomes of it.
Verdict outcome(Device& device, std::uint64_t instructions) {
  for (std::uint64_t done = 0; done < instructions; done += kSlice) {
    device.run(kSlice);
    if (in_kernel(device)) return {false, "the kernel ran"};
    if (device.end() != board::RunEnd::Limit) break;
  }
  const firmware::BootStatus status = device.status();
  if (device.end() == board::RunEnd::Limit) return {true, "goes round for ever"};
  if (device.end() == board::RunEnd::LockedUp) return {true, "locked up"};
  if (status.code == firmware::BootCode::Running) return {true, "sleeps without a word"};
  return {true, std::string("stops: ") + firmware::describe(status.code)};
}

/// An instruction of the way.
struct Site {
  std::uint32_t executions = 0;
  std::uint32_t seen = 0;
  bool conditional = false;
};

/// The way of a device without fault, and what to try on it.
struct Way {
  std::uint64_t instructions = kPlenty / 2;
  std::vector<Case> cases;
};

Way trace(const Scenario& scenario, std::uint64_t last, std::uint64_t seed) {
  Device device;
  scenario.tamper(device);
  device.switch_on();
  std::vector<std::uint32_t> passed;
  std::unordered_map<std::uint32_t, Site> sites;
  for (;;) {
    board::Core& core = device.board().core();
    const std::uint32_t address = core.state.r[15];
    Site& site = sites[address];
    if (site.executions == 0) site.conditional = board::at_conditional_branch(core);
    device.run(1);
    if (device.instructions() == passed.size()) break;  // asleep for good
    ++site.executions;
    passed.push_back(address);
  }
  if (in_kernel(device))
    throw std::runtime_error(std::string(scenario.name) + ": the kernel runs without any fault");
  board::RandomBits random(seed);
  std::vector<Case> cases;
  for (std::size_t index = 0; index < passed.size(); ++index) {
    Site& site = sites[passed[index]];
    const std::uint32_t turn = site.seen++;
    const bool wanted = site.executions <= kExecutionsOfAll || turn < kFirst ||
                        turn + kLast >= site.executions || random.below(site.executions) < kBetween;
    if (!wanted || index + last < passed.size()) continue;
    cases.push_back({index + 1, false});
    if (site.conditional) cases.push_back({index + 1, true});
  }
  std::printf("%s: %zu instructions at %zu addresses, %zu cases\n", scenario.name, passed.size(),
              sites.size(), cases.size());
  return {passed.size(), std::move(cases)};
}

/// `count` of the cases, drawn from the seed, in their order.
std::vector<Case> drawn(std::vector<Case> cases, std::uint64_t count, std::uint64_t seed) {
  board::RandomBits random(seed + 1);
  for (std::size_t left = cases.size(); left > 1; --left)
    std::swap(cases[left - 1], cases[random.below(left)]);
  cases.resize(std::min<std::size_t>(cases.size(), count));
  std::ranges::sort(cases, {}, &Case::number);
  return cases;
}

void sweep(Campaign& campaign, const Scenario& scenario, const Way& way) {
  Device device;
  scenario.tamper(device);
  device.switch_on();
  for (const Case& item : way.cases) {
    const std::string id = id_of(scenario, item);
    if (!campaign.wants(id)) continue;
    if (item.number - 1 > device.instructions()) device.run(item.number - 1 - device.instructions());
    campaign.branch(id, [&] {
      // Branches are counted from here.
      const auto kind = item.inverts ? board::Fault::Kind::InvertBranch : board::Fault::Kind::SkipInstruction;
      const std::uint32_t address = device.board().core().state.r[15];
      device.board().inject({.kind = kind, .number = item.inverts ? 1 : item.number});
      // Long enough for a reset and a whole boot.
      Verdict verdict = outcome(device, 2 * way.instructions);
      if (!verdict.good) verdict.text += fmt::format(" after a fault at 0x{:08x}", address);
      return verdict;
    });
  }
}

Case case_of(const std::string& id) {
  const std::size_t kind = id.find(':');
  const std::size_t number = id.rfind(':');
  if (kind == std::string::npos || number == kind) throw std::runtime_error("no such case: " + id);
  return {std::stoull(id.substr(number + 1)), id.substr(kind + 1, number - kind - 1) == "invert"};
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
  for (const Scenario& scenario : kScenarios) {
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
  return campaign.finish();
}

}  // namespace
}  // namespace microvisor::tests

int main(int count, char** values) {
  return microvisor::tests::main_of("boot_faults", microvisor::tests::run, count, values);
}
