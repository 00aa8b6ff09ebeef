// The power fails at every operation of flash and NOR of an update, before it, in the middle of it and after
// it, and at instructions drawn from the seed; then again at every operation of the recoveries of a sample,
// and for some a third time. Whatever starts afterwards has to be the old or the new version, whole; every
// 50th case, and the first that ends in a state nobody has ended in before, has to come to the new version
// and say so to the gateway.
//
//   power_cuts --kind NAME --app ELF [--seed S] [--every N] [--rows-every N] [--again-every N]
//              [--within-every N] [--instructions N] [--at-least N] [--for SECONDS] [--replay ID]
//
//   --every N         one in N of all moments, by seed and id
//   --rows-every N    one in N of those at rows within an image: no record, no last row of a page
//   --again-every N   the recoveries of one in N of the first cuts are swept too; 0: none
//   --within-every N  one in N of the moments within these, and of those at rows the same share
//   --at-least N      fewer cases are a failure
//
// An id is a list of cuts, each in a life of its own, with a comma between them: "memory:N:MOMENT"
// (operations of both memories counted together) or "instruction:N" (board/fault/fault.hpp), counted from the
// power-on of that life.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "board/fault/fault_injector.hpp"
#include "board/memory/nor_cells.hpp"
#include "board/memory/random_bits.hpp"
#include "firmware/layout.hpp"
#include "tests/faults/campaign.hpp"
#include "tests/faults/updating_device.hpp"

namespace microvisor::tests {
namespace {

using board::CellMemory;
using board::CellOperation;
using board::Fault;
using board::OperationMoment;

/// A third cut comes within so many operations of power-on, in one of so many cases.
constexpr std::uint64_t kThirdCutWithin = 400;
constexpr std::uint64_t kThirdCutEvery = 4;
/// So many cases with one that has to come to its end.
constexpr std::uint64_t kCompleteEvery = 50;

struct Plan {
  std::uint64_t seed = 1;
  std::uint64_t every = 1;
  std::uint64_t rows_every = 1;
  std::uint64_t within_every = 1;
  std::uint64_t again_every = 0;
  std::uint64_t instructions = 0;
  std::uint64_t at_least = 0;
};

Fault at_operation(std::uint64_t number, OperationMoment moment) {
  return {.kind = Fault::Kind::CutAtOperation, .number = number, .moment = moment};
}

/// The same draws for the same id in every run and process.
board::RandomBits draws(const Plan& plan, const std::string& id) {
  return board::RandomBits(plan.seed, std::hash<std::string>()(id));
}

/// A record of the vault: everything behind the kernels in bank 2.
bool is_record(const CellOperation& operation) {
  return operation.memory == CellMemory::Flash &&
         operation.address >= board::kFlashBankSize + firmware::kVault.first * firmware::kPageSize;
}

/// One of many like it: a row or a page within an image.
bool within_image(const CellOperation& operation) {
  const std::uint32_t page =
      operation.memory == CellMemory::Flash ? board::kFlashPageSize : board::kNorSectorSize;
  return !operation.erases && operation.size != 0 && !is_record(operation) &&
         (operation.address + operation.size) % page != 0;
}

/// Lives after power cuts, in the child of a campaign.
class Recovery {
 public:
  Recovery(UpdateKind& kind, SharedSet& states) : kind_(kind), states_(states) {}

  Verdict run(board::BoardMemories memories, bool to_the_end) {
    UpdatingDevice& device = live(std::move(memories));
    if (const std::string problem = device.run_until_shown(); !problem.empty()) return {false, problem};
    const std::string state = state_of(device);
    if (!states_.add(state) && !to_the_end) return {true, state};
    if (const std::string problem = device.run_until_complete(Version::New); !problem.empty())
      return {false, problem + " (from: " + state + ")"};
    return {true, state + ", then complete"};
  }

  /// With one more cut on the way.
  Verdict run(board::BoardMemories memories, const Fault& again) {
    UpdatingDevice& device = live(std::move(memories));
    device.board().inject(again);
    if (const std::string problem = device.run_until_complete(Version::New); !problem.empty())
      return {false, problem};
    if (!device.power_was_cut()) return {true, "complete before the third cut"};
    return run(device.switch_off(), false);
  }

 private:
  /// The process ends with it.
  UpdatingDevice& live(board::BoardMemories memories) {
    return *new UpdatingDevice(kind_, std::move(memories));  // NOLINT(cppcoreguidelines-owning-memory)
  }

  std::string state_of(UpdatingDevice& device) {
    const firmware::image::JournalState journal = journal_of(device.memories());
    return std::string(to_string(*kind_.shown())) + " version, " + kind_.phase(journal) +
           (journal.damaged_rows != 0 ? ", damaged records" : "");
  }

  UpdateKind& kind_;
  SharedSet& states_;
};

/// One life during which the power may fail at any moment.
class Life {
 public:
  Life(UpdateKind& kind, const Plan& plan, SharedSet& states, std::string prefix)
      : kind_(kind), plan_(plan), states_(states), prefix_(std::move(prefix)) {}

  void sweep(Campaign& campaign, board::BoardMemories memories) {
    UpdatingDevice device(kind_, std::move(memories));
    device_ = &device;
    campaign_ = &campaign;
    device.memories().supply().observe(
        [this](const CellOperation& operation, OperationMoment moment) { reach(operation, moment); });
    for (const std::uint64_t target : instructions_) cut_at_instruction(target);
    if (const std::string problem = device.run_until_complete(Version::New); !problem.empty())
      throw std::runtime_error("the update does not come: " + problem);
    device.memories().supply().observe({});
  }

  /// Cuts at these instructions too; ascending.
  void at_instructions(std::vector<std::uint64_t> instructions) { instructions_ = std::move(instructions); }

 private:
  [[nodiscard]] bool first() const { return prefix_.empty(); }

  void reach(const CellOperation& operation, OperationMoment moment) {
    // The two memories never work at the same time here, so the last number is that of the operation.
    if (moment == OperationMoment::Before) ++begun_;
    const std::string id = prefix_ + board::to_string(at_operation(begun_, moment));
    if (!chosen(operation, id)) return;
    cut(id);
    if (first() && plan_.again_every != 0 && draws(plan_, id + ",").below(plan_.again_every) == 0)
      sweep_again(id);
  }

  [[nodiscard]] bool chosen(const CellOperation& operation, const std::string& id) const {
    if (campaign_->replays()) return true;
    const std::uint64_t every =
        (first() ? plan_.every : plan_.within_every) * (within_image(operation) ? plan_.rows_every : 1);
    return every == 1 || draws(plan_, id).below(every) == 0;
  }

  void cut(const std::string& id) {
    board::RandomBits random = draws(plan_, id + "!");
    if (!first() && random.below(kThirdCutEvery) == 0) {
      const Fault again =
          at_operation(1 + random.below(kThirdCutWithin), static_cast<OperationMoment>(random.below(3)));
      campaign_->branch(id + "," + board::to_string(again),
                        [this, again] { return Recovery(kind_, states_).run(device_->abandon(), again); });
      return;
    }
    const bool to_the_end = campaign_->replays() || campaign_->cases() % kCompleteEvery == 0;
    campaign_->branch(
        id, [this, to_the_end] { return Recovery(kind_, states_).run(device_->abandon(), to_the_end); });
  }

  void sweep_again(const std::string& id) {
    campaign_->nest(id, [this, &id](Campaign& within) {
      Life(kind_, plan_, states_, id + ",").sweep(within, device_->abandon());
    });
  }

  void cut_at_instruction(std::uint64_t target) {
    while (device_->instructions() < target) {
      const auto end = device_->board().run({.instructions = target - device_->instructions()});
      if (end != board::RunEnd::Limit && end != board::RunEnd::Stopped)
        throw std::runtime_error("the device has stopped");
    }
    cut(board::to_string({.kind = Fault::Kind::CutAtInstruction, .number = target}));
  }

  UpdateKind& kind_;
  const Plan& plan_;
  SharedSet& states_;
  std::string prefix_;
  UpdatingDevice* device_ = nullptr;
  Campaign* campaign_ = nullptr;
  std::uint64_t begun_ = 0;
  std::vector<std::uint64_t> instructions_;
};

/// How long the undisturbed update is.
struct Extent {
  std::uint64_t operations = 0;
  std::uint64_t instructions = 0;
};

Extent measure(UpdateKind& kind, board::BoardMemories& memories) {
  std::istringstream told(ahead([&] {
    std::uint64_t operations = 0;
    UpdatingDevice device(kind, std::move(memories));
    device.memories().supply().observe([&operations](const CellOperation&, OperationMoment moment) {
      operations += moment == OperationMoment::Before ? 1 : 0;
    });
    const std::string problem = device.run_until_complete(Version::New);
    if (!problem.empty()) throw std::runtime_error("the undisturbed update fails: " + problem);
    return std::to_string(operations) + " " + std::to_string(device.instructions());
  }));
  Extent extent;
  told >> extent.operations >> extent.instructions;
  return extent;
}

std::vector<std::uint64_t> drawn_instructions(const Plan& plan, const Extent& extent,
                                              const std::string& replay) {
  const auto replayed = board::parse_fault(replay.substr(0, replay.find(',')));
  if (replayed && replayed->kind == Fault::Kind::CutAtInstruction) return {replayed->number};
  board::RandomBits random(plan.seed + 1);
  std::vector<std::uint64_t> drawn;
  for (std::uint64_t i = 0; i < plan.instructions; ++i) drawn.push_back(random.below(extent.instructions));
  std::ranges::sort(drawn);
  return drawn;
}

/// The option's number in the plan, or null.
std::uint64_t* number_of(Plan& plan, const std::string& option) {
  if (option == "--every") return &plan.every;
  if (option == "--rows-every") return &plan.rows_every;
  if (option == "--again-every") return &plan.again_every;
  if (option == "--within-every") return &plan.within_every;
  if (option == "--instructions") return &plan.instructions;
  if (option == "--at-least") return &plan.at_least;
  return nullptr;
}

int run(int count, char** values) {
  Plan plan;
  std::string application, kind_name = "application";
  const CampaignArguments arguments =
      parse_arguments(count, values, [&](const std::string& option, const std::string& value) {
        if (std::uint64_t* number = number_of(plan, option)) return *number = std::stoull(value), true;
        if (option == "--app") application = value;
        if (option == "--kind") kind_name = value;
        return option == "--app" || option == "--kind";
      });
  plan.seed = arguments.seed;
  const std::unique_ptr<UpdateKind> kind = make_kind(kind_name, application, plan.seed);
  board::BoardMemories memories = kind->before();
  const Extent extent = measure(*kind, memories);
  std::printf("%s, seed %llu: the update takes %llu operations, %llu instructions\n", kind_name.c_str(),
              static_cast<unsigned long long>(plan.seed), static_cast<unsigned long long>(extent.operations),
              static_cast<unsigned long long>(extent.instructions));
  SharedSet states;
  Campaign campaign(arguments.options);
  Life life(*kind, plan, states, "");
  life.at_instructions(drawn_instructions(plan, extent, arguments.options.replay));
  life.sweep(campaign, std::move(memories));
  const int status = campaign.finish();
  if (campaign.cases() >= plan.at_least) return status;
  std::printf("only %llu cases, %llu were wanted\n", static_cast<unsigned long long>(campaign.cases()),
              static_cast<unsigned long long>(plan.at_least));
  return 1;
}

}  // namespace
}  // namespace microvisor::tests

int main(int count, char** values) {
  return microvisor::tests::main_of("power_cuts", microvisor::tests::run, count, values);
}
