#include "tests/faults/manifest_faults.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/faults/fault_cases.hpp"
#include "tests/faults/forged_update.hpp"
#include "tests/faults/updating_device.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

constexpr const char* kScenario = "manifest";
constexpr const char* kWayBegins = "microvisor::firmware::update::Updater::load_checked_manifest()";
constexpr std::uint16_t kPendsv = 14;  // in which the worker runs
/// So many instructions between two looks at what the gateway has been told.
constexpr std::uint64_t kSlice = 1'000;
/// How long a device may take behind the way, in instructions and board time: to refuse, and to come to an
/// end with what it has accepted, resets included.
constexpr std::uint64_t kDelay = 3'000'000, kLongDelay = 1'000'000'000;
constexpr board::Time kPatience = 120 * board::kTicksPerSecond;

struct Way {
  std::uint64_t end = 0;
  std::vector<Case> cases;
};

std::string text_of(const Way& way) {
  std::string text = std::to_string(way.end);
  for (const Case& item : way.cases) text += fmt::format(" {} {}", item.number, item.inverts ? 1 : 0);
  return text;
}

Way way_of(const std::string& text) {
  std::istringstream in(text);
  Way way;
  in >> way.end;
  for (Case item; in >> item.number >> item.inverts;) way.cases.push_back(item);
  return way;
}

class ManifestCheck {
 public:
  ManifestCheck(UpdatingDevice& device, ForgedUpdate& kind, const Forgery& forgery)
      : device_(device), kind_(kind), forgery_(forgery) {
    const test::Seen seen = kind_.gateway().seen();
    reports_before_ = seen.reports.size();
    bytes_before_ = seen.object_bytes;
    layers_before_ = seen.encodings.size();
    kind_.offer(forgery);
  }

  /// To where the way begins.
  void approach() {
    const std::uint32_t begin = kernel_symbol(kWayBegins) & ~1u;
    while (kind_.gateway().seen().object_bytes < bytes_before_ + forgery_.manifest_size) run(kSlice);
    while (core().state.r[15] != begin) run(1);
  }

  /// Goes the way, from where it begins, and says which cases there are.
  Way go(const ManifestSweep& sweep) {
    WayTrace passed;
    const auto decided = [this] { return journal_of(device_.memories()).phase == "Failed"; };
    while (!decided()) {
      for (std::uint64_t i = 0; i < kSlice; ++i) {
        if (in_worker()) passed.pass(core(), device_.instructions() + 1);
        run(1);
      }
    }
    Way way{device_.instructions(), passed.cases(sweep.last, sweep.seed)};
    finish();
    if (refusal() != forgery_.refusal) throw std::runtime_error(name() + ": " + refusal());
    if (!sweep.replay.empty()) way.cases = {case_of(sweep.replay)};
    if (sweep.sample != 0) way.cases = drawn(std::move(way.cases), sweep.sample, sweep.seed);
    fmt::print("{}: instructions to {} at {} addresses, {} cases\n", name(), way.end, passed.addresses(),
               way.cases.size());
    return way;
  }

  void sweep(Campaign& campaign, const Way& way) {
    for (const Case& item : way.cases) {
      const std::string id = id_of(name(), item);
      if (!campaign.wants(id)) continue;
      if (item.number - 1 > device_.instructions()) run(item.number - 1 - device_.instructions());
      campaign.branch(id, [&] {
        const std::uint32_t address = core().state.r[15];
        device_.board().inject(fault_of(item));
        Verdict verdict = outcome(way.end);
        if (!verdict.good) verdict.text += fmt::format(" after a fault at 0x{:08x}", address);
        return verdict;
      });
    }
  }

  /// Without any more faults.
  void finish() {
    while (refusal().empty()) run(kSlice);
  }

  [[nodiscard]] std::string name() const { return std::string(kScenario) + "/" + forgery_.name; }

 private:
  board::Core& core() { return device_.board().core(); }
  [[nodiscard]] bool in_worker() {
    const board::CoreState& state = core().state;
    return state.world == board::kSecure && state.ipsr == kPendsv;
  }

  board::RunEnd run(std::uint64_t instructions) {
    return device_.board().run({.instructions = instructions});
  }

  /// What it has told the gateway; empty: nothing.
  [[nodiscard]] std::string refusal() const {
    const std::vector<std::string> reports = kind_.gateway().seen().reports;
    const auto begin = reports.begin() + static_cast<std::ptrdiff_t>(reports_before_);
    const auto found = std::find_if(begin, reports.end(),
                                    [](const std::string& text) { return text.starts_with("FAILED"); });
    return found == reports.end() ? "" : *found;
  }

  /// The device takes the manifest for good: its journal says so, or it asks for a layer.
  void look() {
    const firmware::image::JournalState journal = journal_of(device_.memories());
    const bool open = journal.phase != "Idle" && journal.phase != "Fetching" && journal.phase != "Failed";
    if (open && journal.target == forgery_.manifest) accepted_ = true;
  }

  Verdict outcome(std::uint64_t end) {
    board::MemorySupply& supply = device_.memories().supply();
    supply.observe([this](const board::CellOperation& operation, board::OperationMoment moment) {
      if (operation.memory == board::CellMemory::Flash && moment == board::OperationMoment::After) look();
    });
    const std::string ending = run_on(end);
    supply.observe({});
    look();
    if (kind_.forged_runs()) return {false, "what was refused has been started"};
    if (accepted_) return {false, "what was to be refused has been accepted, then: " + ending};
    return {true, ending};
  }

  /// Until it has come to an end with this manifest, or does nothing about it any more.
  std::string run_on(std::uint64_t end) {
    const std::uint64_t resets = device_.board().resets();
    const board::Time until = device_.board().scheduler().now() + kPatience;
    const auto patient = [&] {
      return device_.instructions() < end + (accepted_ ? kLongDelay : kDelay) &&
             device_.board().scheduler().now() < until;
    };
    while (patient()) {
      const board::RunEnd ended = run(20 * kSlice);
      if (kind_.gateway().seen().encodings.size() > layers_before_) accepted_ = true;
      if (kind_.forged_runs()) return "";
      if (std::string text = refusal(); !text.empty()) return text;
      if (ended != board::RunEnd::Limit && ended != board::RunEnd::Stopped) return "stops";
      // What it had in RAM is gone; what it has in the journal decides.
      if (!accepted_ && device_.board().resets() != resets) return "reset";
    }
    return "nothing";
  }

  UpdatingDevice& device_;
  ForgedUpdate& kind_;
  const Forgery& forgery_;
  std::size_t reports_before_ = 0;
  std::uint64_t bytes_before_ = 0;
  std::size_t layers_before_ = 0;
  bool accepted_ = false;
};

void expect_complete(UpdatingDevice& device, Version version) {
  const std::string problem = device.run_until_complete(version);
  if (!problem.empty()) throw std::runtime_error("no device to offer manifests to: " + problem);
}

}  // namespace

void sweep_manifests(Campaign& campaign, const ManifestSweep& sweep) {
  ForgedUpdate kind(sweep.seed);
  kind.offer(Version::New);
  UpdatingDevice device(kind, kind.factory_board());
  expect_complete(device, Version::New);
  kind.offer(Version::Old);
  expect_complete(device, Version::Old);
  for (const Forgery& forgery : kind.forgeries()) {
    ManifestCheck check(device, kind, forgery);
    check.approach();
    const bool wanted = sweep.only.empty() || sweep.only == kScenario || sweep.only == check.name();
    if (wanted) {
      check.sweep(campaign, way_of(ahead([&] { return text_of(check.go(sweep)); })));
    }
    check.finish();
  }
}

}  // namespace microvisor::tests
