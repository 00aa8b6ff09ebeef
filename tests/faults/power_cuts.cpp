// The power fails at every operation of flash and NOR of an update over the air, before it, in the middle of
// it and after it, and at instructions drawn from the seed. The device has to come to the new application by
// itself, and never starts anything but the old or the new one, whole.
//
//   power_cuts --app ELF [--seed S] [--sample N] [--instructions N] [--for SECONDS] [--replay ID]
//
// IDs: "memory:N:before", "memory:N:torn", "memory:N:after" (operations of both memories counted together)
// and "instruction:N", all counted from the power-on of the life that gets to know of the new application.
// Half of the cases lose their power a second time, at an operation of the next life that is drawn from seed
// and id.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "board/fault/fault_injector.hpp"
#include "board/memory/random_bits.hpp"
#include "tests/faults/campaign.hpp"
#include "tests/faults/updating_device.hpp"

namespace microvisor::tests {
namespace {

constexpr std::size_t kOld = 0, kNew = 1;
/// The second cut comes within so many operations of power-on.
constexpr std::uint64_t kSecondCutWithin = 400;

using board::Fault;
using board::OperationMoment;

/// How long the undisturbed update is.
struct Extent {
  std::uint64_t operations = 0;
  std::uint64_t instructions = 0;
};

std::string id_of(const Fault& fault) { return board::to_string(fault); }

Fault at_operation(std::uint64_t number, OperationMoment moment) {
  return {.kind = Fault::Kind::CutAtOperation, .number = number, .moment = moment};
}

/// The lives after the first power cut.
Verdict recover(UpdateServer& server, board::BoardMemories memories, const std::string& id,
                std::uint64_t seed) {
  board::RandomBits random(seed, std::hash<std::string>()(id));
  std::string kind = "once";
  UpdatingDevice* device = new UpdatingDevice(server, std::move(memories));  // the process ends with it
  if (random.below(2) == 0) {
    const Fault again =
        at_operation(1 + random.below(kSecondCutWithin), static_cast<OperationMoment>(random.below(3)));
    device->board().inject(again);
    if (const std::string problem = device->run_until_complete(kNew); !problem.empty())
      return {false, problem + " (second cut " + id_of(again) + ")"};
    if (device->power_was_cut()) {
      kind = "twice";
      device = new UpdatingDevice(server, device->switch_off());
    }
  }
  if (const std::string problem = device->run_until_complete(kNew); !problem.empty())
    return {false, problem + " (cut " + kind + ")"};
  return {true, "new application after the power was cut " + kind};
}

class Sweep {
 public:
  Sweep(const std::string& application, const CampaignArguments& arguments, std::uint64_t instructions)
      : server_(application, arguments.seed),
        arguments_(arguments),
        campaign_(arguments.options),
        instructions_(instructions) {}

  int run() {
    server_.deploy(kOld);
    UpdatingDevice first(server_, server_.factory_board());
    if (const std::string problem = first.run_until_complete(kOld); !problem.empty())
      throw std::runtime_error("the first application does not come: " + problem);
    server_.deploy(kNew);
    UpdatingDevice second(server_, first.switch_off());
    choose(measure(second));
    device_ = &second;
    observe();
    for (const std::uint64_t target : at_instructions_) {
      if (!advance_to(target)) break;
      campaign_.branch(id_of({.kind = Fault::Kind::CutAtInstruction, .number = target}), [this, target] {
        return recover(server_, device_->abandon(),
                       id_of({.kind = Fault::Kind::CutAtInstruction, .number = target}), arguments_.seed);
      });
    }
    if (const std::string problem = second.run_until_complete(kNew); !problem.empty())
      throw std::runtime_error("the update does not come: " + problem);
    return campaign_.finish();
  }

 private:
  /// In a child, which runs to the end and says how far that was.
  Extent measure(UpdatingDevice& device) {
    Extent extent;
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    if (const pid_t pid = fork(); pid == 0) {
      device.memories().supply().observe([&extent](board::CellMemory, OperationMoment moment) {
        extent.operations += moment == OperationMoment::Before ? 1 : 0;
      });
      const bool good = device.run_until_complete(kNew).empty();
      extent.instructions = device.instructions();
      _exit(good && write(ends[1], &extent, sizeof extent) == sizeof extent ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &extent, sizeof extent) != sizeof extent)
      throw std::runtime_error("the undisturbed update fails");
    close(ends[0]);
    wait(nullptr);
    std::printf("seed %llu: the update takes %llu operations, %llu instructions\n",
                static_cast<unsigned long long>(arguments_.seed),
                static_cast<unsigned long long>(extent.operations),
                static_cast<unsigned long long>(extent.instructions));
    return extent;
  }

  /// What is to be cut: all moments or a sample, and instructions.
  void choose(const Extent& extent) {
    board::RandomBits random(arguments_.seed + 1);
    if (arguments_.sample != 0) {
      while (chosen_.size() < std::min(arguments_.sample, 3 * extent.operations)) {
        const auto moment = static_cast<OperationMoment>(random.below(3));
        chosen_.insert(id_of(at_operation(1 + random.below(extent.operations), moment)));
      }
    }
    for (std::uint64_t i = 0; i < instructions_; ++i)
      at_instructions_.push_back(random.below(extent.instructions));
    const auto replayed = board::parse_fault(arguments_.options.replay);
    if (replayed && replayed->kind == Fault::Kind::CutAtInstruction) at_instructions_ = {replayed->number};
    std::ranges::sort(at_instructions_);
  }

  void observe() {
    device_->memories().supply().observe([this](board::CellMemory, OperationMoment moment) {
      // The two memories never work at the same time here, so the last number is that of the operation.
      if (moment == OperationMoment::Before) ++begun_;
      const std::string id = id_of(at_operation(begun_, moment));
      if (arguments_.sample != 0 && arguments_.options.replay.empty() && !chosen_.contains(id)) return;
      Sweep* self = this;
      campaign_.branch(id, [self, id] {
        return recover(self->server_, self->device_->abandon(), id, self->arguments_.seed);
      });
    });
  }

  bool advance_to(std::uint64_t target) {
    if (target <= device_->instructions()) return true;
    return device_->board().run({.instructions = target - device_->instructions()}) == board::RunEnd::Limit;
  }

  UpdateServer server_;
  CampaignArguments arguments_;
  Campaign campaign_;
  std::uint64_t instructions_;
  UpdatingDevice* device_ = nullptr;
  std::uint64_t begun_ = 0;
  std::set<std::string> chosen_;
  std::vector<std::uint64_t> at_instructions_;
};

int run(int count, char** values) {
  std::uint64_t instructions = 0;
  std::string application;
  const CampaignArguments arguments =
      parse_arguments(count, values, [&](const std::string& option, const std::string& value) {
        if (option == "--app") application = value;
        if (option == "--instructions") instructions = std::stoull(value);
        return option == "--app" || option == "--instructions";
      });
  Sweep sweep(application, arguments, instructions);
  return sweep.run();
}

}  // namespace
}  // namespace microvisor::tests

int main(int count, char** values) {
  return microvisor::tests::main_of("power_cuts", microvisor::tests::run, count, values);
}
