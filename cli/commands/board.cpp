// microvisor board: virtual boards. What runs them is in board_run.cpp and board_exec.cpp.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "board/memory/board_memories.hpp"
#include "cli/access_point.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/factory.hpp"
#include "cli/factory_files.hpp"
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
  std::string directory, cloud, image, apn;
  bool as_json = false;
};

std::optional<Client> claiming_cloud(const CreateArguments& arguments, const Context& context) {
  if (!arguments.cloud.empty()) return Client(read_credentials(arguments.cloud));
  if (!context.profile.empty()) return Client(find_credentials(context.profile));
  return std::nullopt;
}

/// A new board in `directory`, filled by `fill`. Nothing is left of one that could not be finished.
template <typename Fill>
void make_board(const fs::path& directory, Fill fill) {
  if (const auto made = board::BoardMemories::create(directory, board::BoardIdentity::random()); !made) {
    throw Failure(made.error().message);
  }
  try {
    auto memories = board::BoardMemories::open(directory);
    if (!memories) throw Failure(memories.error().message);
    fill(*memories);
  } catch (...) {
    fs::remove_all(directory);
    throw;
  }
}

void print_made(const CreateArguments& arguments, const json& sid, const std::string& then) {
  const std::string directory = fs::absolute(arguments.directory).string();
  if (arguments.as_json) return print_line(json{{"sid", sid}, {"dir", directory}}.dump());
  print_line(sid.is_null() ? arguments.directory : sid.get<std::string>());
  note(then);
}

/// A chip as the line's programmer leaves it: it has no SID yet.
void create_from_image(const CreateArguments& arguments) {
  const FactoryFiles files = read_factory_files(arguments.image);
  make_board(arguments.directory, [&](board::BoardMemories& memories) {
    program(memories.flash(), files.flash);
    program_end(memories.nor(), files.nor);
  });
  print_made(arguments, nullptr, "programmed; it makes its identity at the first start");
}

void create(const CreateArguments& arguments, const Context& context) {
  if (!arguments.image.empty()) return create_from_image(arguments);
  if (!arguments.apn.empty()) require_access_point_name(arguments.apn);
  std::optional<Client> client = claiming_cloud(arguments, context);
  if (client) client->get("/api/account");  // wrong credentials are found before anything is made
  std::string sid;
  make_board(arguments.directory, [&](board::BoardMemories& memories) {
    sid = provision(memories, client ? &*client : nullptr, {.apn = arguments.apn});
  });
  print_made(arguments, sid,
             client ? "device claimed; switch it on with 'microvisor board run " + arguments.directory + "'"
                    : "made without a cloud: it will boot and connect to nobody (see --cloud)");
}

void add_create(CLI::App& board, Context& context) {
  auto arguments = std::make_shared<CreateArguments>();
  CLI::App* command =
      board.add_subcommand("create", "Make a virtual board, provision it, and claim it for an account");
  command->add_option("DIRECTORY", arguments->directory, "Where the board is kept; made")->required();
  command->add_option("--cloud", arguments->cloud,
                      "credentials.json of the cloud and account that get the device");
  command
      ->add_option("--image", arguments->image,
                   "Only program it with the files in this directory, as 'factory image' has written them")
      ->excludes("--cloud");
  command->add_option("--apn", arguments->apn, kDevicesAccessPointHelp)->excludes("--image");
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

/// A board directory as found on the disk.
struct Listed {
  std::string sid;
  fs::path directory;
  std::string process;  ///< that runs it; empty: off
};

/// The process that has the board open, as its lock says.
std::string process_of(const fs::path& directory) {
  const int descriptor = open((directory / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  const bool held = flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  close(descriptor);
  std::string process;
  if (held) std::getline(std::ifstream(directory / "lock"), process);
  return process;
}

std::optional<Listed> look_at(const fs::path& directory) {
  if (!fs::exists(directory / "version")) return std::nullopt;
  std::ifstream file(directory / "identity.json");
  const json identity = json::parse(file, nullptr, false);
  if (!identity.is_object()) return std::nullopt;
  return Listed{text_of(identity, "sid"), directory, process_of(directory)};
}

/// The directory itself if it is a board, else the boards directly inside of it.
std::vector<Listed> boards_in(const fs::path& directory) {
  if (auto itself = look_at(directory)) return {*itself};
  std::error_code error;
  std::vector<Listed> boards;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (auto board = look_at(entry.path())) boards.push_back(*board);
  }
  if (error) throw Failure(directory.string() + ": " + error.message());
  std::ranges::sort(boards, {}, &Listed::directory);
  return boards;
}

void list(const fs::path& directory, bool as_json) {
  json all = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const Listed& board : boards_in(directory)) {
    const bool running = !board.process.empty();
    all.push_back(
        {{"sid", board.sid}, {"dir", fs::absolute(board.directory).string()}, {"running", running}});
    rows.push_back({board.sid, board.directory.string(), running ? "process " + board.process : "off"});
  }
  print_line(as_json ? all.dump() : format_table({"SID", "DIRECTORY", "STATE"}, rows));
}

void add_list(CLI::App& board) {
  auto directory = std::make_shared<std::string>(".");
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = board.add_subcommand("list", "Show the boards in a directory");
  command->add_option("DIRECTORY", *directory, "Where to look; a board, or what holds boards")
      ->capture_default_str();
  command->add_flag("--json", *as_json, "Print [{\"sid\", \"dir\", \"running\"}]");
  command->callback([directory, as_json] { list(*directory, *as_json); });
}

/// True if the process takes SIGURG for a request of a reset (proc(5), SigCgt).
bool takes_resets(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    return (std::strtoull(line.c_str() + 7, nullptr, 16) >> (SIGURG - 1) & 1) != 0;
  }
  return false;
}

void reset(const fs::path& directory) {
  const auto memories = board::BoardMemories::open(directory);
  if (memories) throw Failure("board directory " + directory.string() + " is off; there is nothing to reset");
  if (memories.error().kind != board::BoardError::Kind::InUse) throw Failure(memories.error().message);
  const pid_t process = std::atoi(process_of(directory).c_str());  // NOLINT(cert-err34-c): 0 is refused
  if (process <= 0 || !takes_resets(process) || kill(process, SIGURG) != 0) {
    throw Failure(memories.error().message + ", which takes no resets");
  }
}

void add_reset(CLI::App& board) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = board.add_subcommand("reset", "Pull the reset pin of a board that runs");
  command->add_option("DIRECTORY", *directory, "Board directory")->required();
  command->callback([directory] { reset(*directory); });
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
                      {"upgrader_bytes", sizes.upgrader},
                      {"kernel_flash_bytes", sizes.kernel_flash},
                      {"kernel_ram_bytes", sizes.kernel_ram}};
    if (*as_json) return print_line(all.dump());
    print_line(format_fields({{"kernel version", text_of(all, "kernel_version")},
                              {"preboot", fmt::format("{} bytes", sizes.preboot)},
                              {"bootrom", fmt::format("{} bytes", sizes.bootrom)},
                              {"upgrader", fmt::format("{} bytes", sizes.upgrader)},
                              {"kernel, flash", fmt::format("{} bytes", sizes.kernel_flash)},
                              {"kernel, RAM", fmt::format("{} bytes", sizes.kernel_ram)}}));
  });
}

}  // namespace

void add_board(CLI::App& program, Context& context) {
  CLI::App* board = program.add_subcommand("board", "Make, run and look at virtual boards");
  board->require_subcommand(1);
  add_create(*board, context);
  add_board_run(*board);
  add_board_replay(*board);
  add_board_exec(*board);
  add_list(*board);
  add_reset(*board);
  add_inspect(*board);
  add_images(*board);
  add_board_snapshots(*board);
}

}  // namespace microvisor::cli
