// microvisor board: virtual boards.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/faults.hpp"
#include "cli/flash_view.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"
#include "cli/signal_watch.hpp"
#include "cli/virtual_device.hpp"
#include "firmware/image/image.hpp"
#include "protocol/bundle/bytes.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct CreateArguments {
  std::string directory, cloud;
  bool as_json = false;
};

std::optional<Client> claiming_cloud(const CreateArguments& arguments, const Context& context) {
  if (!arguments.cloud.empty()) return Client(read_credentials(arguments.cloud));
  if (!context.profile.empty()) return Client(find_credentials(context.profile));
  return std::nullopt;
}

void create(const CreateArguments& arguments, const Context& context) {
  std::optional<Client> client = claiming_cloud(arguments, context);
  if (client) client->get("/api/account");  // wrong credentials are found before anything is made
  const fs::path directory = arguments.directory;
  if (const auto made = board::BoardMemories::create(directory, board::BoardIdentity::random()); !made) {
    throw Failure(made.error().message);
  }
  std::string sid;
  try {
    auto memories = board::BoardMemories::open(directory);
    if (!memories) throw Failure(memories.error().message);
    sid = provision(*memories, client ? &*client : nullptr);
  } catch (...) {
    fs::remove_all(directory);  // nothing is left of a board that could not be finished
    throw;
  }
  if (arguments.as_json) {
    print_line(json{{"sid", sid}, {"dir", fs::absolute(directory).string()}}.dump());
  } else {
    print_line(sid);
    note(client ? "device claimed; switch it on with 'microvisor board run " + arguments.directory + "'"
                : "made without a cloud: it will boot and connect to nobody (see --cloud)");
  }
}

void add_create(CLI::App& board, Context& context) {
  auto arguments = std::make_shared<CreateArguments>();
  CLI::App* command =
      board.add_subcommand("create", "Make a virtual board, provision it, and claim it for an account");
  command->add_option("DIRECTORY", arguments->directory, "Where the board is kept; made")->required();
  command->add_option("--cloud", arguments->cloud,
                      "credentials.json of the cloud and account that get the device");
  command->add_flag("--json", arguments->as_json, "Print {\"sid\", \"dir\"}");
  command->callback([arguments, &context] { create(*arguments, context); });
}

std::string hash_text(const std::array<std::uint8_t, 32>& hash) {
  const bool none = std::all_of(hash.begin(), hash.end(), [](std::uint8_t byte) { return byte == 0; });
  return none ? std::string() : protocol::to_hex(hash);
}

json inspect(const fs::path& directory) {
  const FlashView flash(directory);
  const firmware::image::JournalState journal = flash.journal();
  const auto wear = [](const FlashView::Wear& of, const char* place) {
    return json{{"erases", of.total}, {"highest", of.highest}, {place, of.place}};
  };
  const FlashView::Rows rows = flash.rows();
  return {{"update",
           {{"phase", journal.phase},
            {"target", hash_text(journal.target)},
            {"installed", hash_text(journal.installed)}}},
          {"damaged_rows", journal.damaged_rows},
          {"flash_operations", flash.operations()},
          {"power_cuts", flash.cuts()},
          {"last_cut", flash.last_cut()},
          {"wear", wear(flash.wear(), "page")},
          {"rows", {{"bad", rows.bad}, {"corrected", rows.corrected}, {"unstable", rows.unstable}}},
          {"nor",
           {{"operations", flash.nor_operations()},
            {"power_cuts", flash.nor_cuts()},
            {"last_cut", flash.last_nor_cut()},
            {"wear", wear(flash.nor_wear(), "sector")}}}};
}

std::string wear_text(const json& wear, const char* place) {
  return fmt::format("{} erases, at most {} ({} {})", text_of(wear, "erases"), text_of(wear, "highest"),
                     place, text_of(wear, place));
}

std::string rows_text(const json& rows) {
  return fmt::format("{} bad, {} corrected, {} unstable", text_of(rows, "bad"), text_of(rows, "corrected"),
                     text_of(rows, "unstable"));
}

std::string cuts_text(const json& memory) {
  const std::string last = text_of(memory, "last_cut");
  return text_of(memory, "power_cuts") + (last.empty() ? "" : ", last: " + last);
}

void add_inspect(CLI::App& board) {
  auto directory = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = board.add_subcommand("inspect", "Show what a board's flash holds, also while it runs");
  command->add_option("DIRECTORY", *directory, "Board directory")->required();
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([directory, as_json] {
    const json state = inspect(*directory);
    if (*as_json) return print_line(state.dump());
    const json& update = state["update"];
    print_line(format_fields({{"update", text_of(update, "phase")},
                              {"target", text_of(update, "target")},
                              {"installed", text_of(update, "installed")},
                              {"damaged journal rows", text_of(state, "damaged_rows")},
                              {"flash operations", text_of(state, "flash_operations")},
                              {"cut by power loss", cuts_text(state)},
                              {"flash wear", wear_text(state["wear"], "page")},
                              {"flash rows in doubt", rows_text(state["rows"])},
                              {"NOR operations", text_of(state["nor"], "operations")},
                              {"NOR cut by power loss", cuts_text(state["nor"])},
                              {"NOR wear", wear_text(state["nor"]["wear"], "sector")}}));
  });
}

struct RunArguments {
  std::string directory, duration;
  bool fast = false;
  FaultArguments faults;
};

void add_run_board(CLI::App& board) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = board.add_subcommand("run", "Switch a board on and run it until interrupted");
  command->add_option("DIRECTORY", arguments->directory, "Board directory")->required();
  command->add_option("--for", arguments->duration, "Board time from power-on, for example 30s");
  command->add_flag("--fast", arguments->fast, "As fast as this machine can, not in real time");
  add_fault_options(*command, arguments->faults);
  command->callback([arguments] {
    const std::optional<double> seconds =
        arguments->duration.empty() ? std::nullopt : std::optional(parse_duration(arguments->duration));
    const std::vector<board::Fault> faults = parse_faults(arguments->faults);
    auto memories = board::BoardMemories::open(arguments->directory);
    if (!memories) throw Failure(memories.error().message);
    const std::string sid = memories->identity().sid;
    const InterruptGuard interrupt;
    VirtualDeviceOptions options;
    options.fast = arguments->fast;
    options.faults = faults;
    VirtualDevice device(std::move(*memories), options);
    device.on_report = [](const std::string& line) { note(line); };
    device.on_application_start = [] { note("the application starts"); };
    note("device " + sid + " is on");
    const SignalWatch watch(device);
    device.run(seconds, true);
  });
}

struct ExecArguments {
  std::string firmware;
  std::uint64_t max_instructions = ~std::uint64_t{0};
  bool semihosting = false;
  bool stats = false;
  FaultArguments faults;
};

/// Runs bare firmware; the exit status is the firmware's own.
void execute(const ExecArguments& arguments) {
  const std::vector<board::Fault> faults = parse_faults(arguments.faults);
  const auto image = board::load_elf(arguments.firmware);
  if (!image) throw Failure(image.error().message);
  auto memories = board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1));
  if (!memories) throw Failure(memories.error().message);
  board::BoardOptions options;
  options.semihosting = arguments.semihosting;
  options.report = [](std::string_view line) { note(line); };
  options.console = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  auto made = board::Board::create(std::move(*memories), options);
  if (!made) throw Failure(made.error().message);
  board::Board& machine = **made;
  if (const auto booted = machine.boot_image(*image); !booted) throw Failure(booted.error().message);
  for (const board::Fault& fault : faults) machine.inject(fault);
  board::RunLimits limits;
  limits.instructions = arguments.max_instructions;
  const board::RunEnd end = machine.run(limits);
  note_faults(machine);
  if (arguments.stats) {
    const board::BoardStatistics statistics = machine.statistics();
    fmt::print(stderr, "{}\n",
               json{{"instructions", statistics.instructions},
                    {"wall_s", statistics.wall_seconds},
                    {"virtual_s", statistics.virtual_seconds}}
                   .dump());
  }
  switch (end) {
    case board::RunEnd::PowerCut: end_by_power_cut(machine);
    case board::RunEnd::Exited: throw ExitStatus{machine.exit_status()};
    case board::RunEnd::LockedUp: throw Failure("the core is locked up");
    case board::RunEnd::Idle: throw Failure("the core sleeps, and nothing is going to wake it");
    case board::RunEnd::Limit:
    case board::RunEnd::Stopped: return;
  }
}

void add_exec(CLI::App& board) {
  auto arguments = std::make_shared<ExecArguments>();
  CLI::App* command =
      board.add_subcommand("exec", "Run bare secure-world firmware on an otherwise empty chip");
  command
      ->add_option("FIRMWARE", arguments->firmware, "ELF file; load segments go to their physical addresses")
      ->required();
  command->add_flag("--semihosting", arguments->semihosting,
                    "BKPT 0xAB reaches this console; its exit status is ours");
  command->add_option("--max-instructions", arguments->max_instructions, "Stop after so many");
  command->add_flag("--stats", arguments->stats, "Last line of stderr: instructions and times as JSON");
  add_fault_options(*command, arguments->faults);
  command->callback([arguments] { execute(*arguments); });
}

void add_images(CLI::App& board) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command =
      board.add_subcommand("images", "Show the firmware that this command writes into boards");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json] {
    const firmware::image::ImageSizes sizes = firmware::image::image_sizes();
    const json all = {{"kernel_version", firmware::image::kernel_version()},
                      {"preboot_bytes", sizes.preboot},
                      {"bootrom_bytes", sizes.bootrom},
                      {"kernel_flash_bytes", sizes.kernel_flash},
                      {"kernel_ram_bytes", sizes.kernel_ram}};
    if (*as_json) return print_line(all.dump());
    print_line(format_fields({{"kernel version", text_of(all, "kernel_version")},
                              {"preboot", fmt::format("{} bytes", sizes.preboot)},
                              {"bootrom", fmt::format("{} bytes", sizes.bootrom)},
                              {"kernel, flash", fmt::format("{} bytes", sizes.kernel_flash)},
                              {"kernel, RAM", fmt::format("{} bytes", sizes.kernel_ram)}}));
  });
}

}  // namespace

void add_board(CLI::App& program, Context& context) {
  CLI::App* board = program.add_subcommand("board", "Make, run and look at virtual boards");
  board->require_subcommand(1);
  add_create(*board, context);
  add_run_board(*board);
  add_exec(*board);
  add_inspect(*board);
  add_images(*board);
  add_board_snapshots(*board);
}

}  // namespace microvisor::cli
