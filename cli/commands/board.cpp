// microvisor board: virtual boards.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "board/memory/board_memories.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/flash_view.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"
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
  CLI::App* command = board.add_subcommand("create", "Make a virtual board, provision it, and claim it for an account");
  command->add_option("DIRECTORY", arguments->directory, "Where the board is kept; made")->required();
  command->add_option("--cloud", arguments->cloud, "credentials.json of the cloud and account that get the device");
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
  return {{"update",
           {{"phase", journal.phase}, {"target", hash_text(journal.target)}, {"installed", hash_text(journal.installed)}}},
          {"damaged_rows", journal.damaged_rows},
          {"flash_operations", flash.operations()},
          {"power_cuts", flash.cuts()}};
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
                              {"cut by power loss", text_of(state, "power_cuts")}}));
  });
}

void add_images(CLI::App& board) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = board.add_subcommand("images", "Show the firmware that this command writes into boards");
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
  add_inspect(*board);
  add_images(*board);
}

}  // namespace microvisor::cli
