// microvisor crash, and devices crashes: what the cloud keeps encrypted, opened here, where the key is.
//
// Both are the same code: a report is shown in one way, whichever command has asked for it.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/crash/crash_target.hpp"
#include "cli/crash/crash_view.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using microvisor::crash::CrashReport;
using nlohmann::json;

struct CrashArguments {
  std::string device, key, elf, remove, gdb;
  std::string id = "latest";
  bool as_json = false;
  bool once = false;
};

/// The reports of a device in the cloud, newest first.
class Reports {
 public:
  Reports(const CrashArguments& arguments, const Context& context)
      : client_(find_credentials(context.profile)),
        path_("/api/devices/" + Client::escape(arguments.device) + "/crashes") {}

  json list() { return client_.get(path_).at("crashes"); }
  void remove(const std::string& id) { client_.remove(path_ + "/" + Client::escape(id)); }

  /// By the id or the beginning of it, or "latest".
  json find(const std::string& id) {
    const json all = list();
    if (all.empty()) throw Failure("the device has no crash reports");
    if (id == "latest") return all.front();
    json found;
    for (const json& one : all) {
      if (!text_of(one, "id").starts_with(id)) continue;
      if (!found.is_null()) throw Failure(id + " is the beginning of several crash reports");
      found = one;
    }
    if (found.is_null()) throw Failure("the device has no crash report " + id);
    return found;
  }

  /// The error is one line.
  tl::expected<CrashReport, std::string> open(const json& entry, const protocol::SigningKey& key) {
    const json report = client_.get(path_ + "/" + text_of(entry, "id"));
    const auto content = protocol::from_base64(text_of(report, "content"));
    const auto plain =
        protocol::open_crash_report(content.value_or(protocol::Bytes()), key, text_of(report, "device_sid"));
    if (!plain)
      return tl::unexpected("crash report " + text_of(entry, "id").substr(0, 12) + ": " +
                            plain.error().message);
    return *plain;
  }

 private:
  Client client_;
  std::string path_;
};

void print_list(const json& crashes, bool as_json) {
  if (as_json) return print_line(crashes.dump(2));
  std::vector<std::vector<std::string>> rows;
  for (const auto& crash : crashes)
    rows.push_back({text_of(crash, "id"), text_of(crash, "date_received"), text_of(crash, "size")});
  print_line(format_table({"ID", "RECEIVED", "BYTES"}, rows));
}

std::string as_text(const json& entry, const CrashReport& report, const Program& program) {
  return "crash report " + text_of(entry, "id").substr(0, 12) + ", received " +
         text_of(entry, "date_received") + ": " + format_crash(report, program);
}

json as_json(const json& entry, const CrashReport& report, const Program& program) {
  json view = entry;
  view.update(crash_as_json(report, program));
  return view;
}

/// Opens all that the key opens. What it does not is said in one line each.
void show_all(Reports& reports, const json& crashes, const CrashArguments& arguments) {
  const protocol::SigningKey key = read_private_key(arguments.key);
  const Program program = read_program(arguments.elf);
  json opened = json::array();
  bool failed = false;
  for (const json& entry : crashes) {
    const auto report = reports.open(entry, key);
    if (!report) {
      note(report.error());
      failed = true;
    } else if (arguments.as_json) {
      opened.push_back(as_json(entry, *report, program));
    } else {
      print_line(as_text(entry, *report, program));
    }
  }
  if (arguments.as_json) print_line(opened.dump(2));
  if (failed) throw ExitStatus{1};
}

void devices_crashes_command(const CrashArguments& arguments, const Context& context) {
  if (arguments.key.empty() && !arguments.elf.empty())
    throw Failure("--elf names addresses; they take --key to be read");
  Reports reports(arguments, context);
  if (!arguments.remove.empty()) {
    reports.remove(arguments.remove);
    return note("removed " + arguments.remove);
  }
  const json crashes = reports.list();
  if (arguments.key.empty()) return print_list(crashes, arguments.as_json);
  if (crashes.empty() && !arguments.as_json) return note("no crash reports");
  show_all(reports, crashes, arguments);
}

bool keep_going() { return !InterruptGuard::requested(); }

/// Until it is interrupted, or until the first GDB has left.
void serve(CrashTarget& target, const CrashArguments& arguments) {
  const InterruptGuard guard;
  auto listener = debug::GdbListener::listen(arguments.gdb);
  if (!listener) throw Failure(listener.error());
  print_line("GDB server listening on " + listener->address());
  while (auto gdb = listener->wait(keep_going)) {
    static_cast<void>(gdb->serve(target, -1, keep_going, [](std::string_view) {}));
    if (arguments.once) break;
  }
}

void show_command(const CrashArguments& arguments, const Context& context) {
  if (arguments.as_json && !arguments.gdb.empty())
    throw Failure("--gdb serves GDB and prints no report: no --json");
  const protocol::SigningKey key = read_private_key(arguments.key);
  const Program program = read_program(arguments.elf);
  Reports reports(arguments, context);
  const json entry = reports.find(arguments.id);
  const auto report = reports.open(entry, key);
  if (!report) throw Failure(report.error());
  if (arguments.as_json) return print_line(as_json(entry, *report, program).dump(2));
  const std::string text = as_text(entry, *report, program);
  if (arguments.gdb.empty()) return print_line(text);
  CrashTarget target(*report, KnownMemory(*report, program.image), text);
  serve(target, arguments);
}

void add_reading_options(CLI::App& command, CrashArguments& arguments, bool key_required) {
  command
      .add_option("--key", arguments.key,
                  "Private key (PEM) of the pair whose public key is in the bundle: shows what reports say")
      ->required(key_required);
  command.add_option("--elf", arguments.elf,
                     "The application's ELF file: back-trace, names of functions and lines");
  command.add_flag("--json", arguments.as_json, "Print as JSON");
}

CLI::App* add_command(CLI::App& to, const std::string& name, const std::string& help,
                      CrashArguments& arguments) {
  CLI::App* command = to.add_subcommand(name, help);
  command->add_option("DEVICE", arguments.device, "SID or unique name")->required();
  return command;
}

void add_list(CLI::App& crash, Context& context) {
  auto arguments = std::make_shared<CrashArguments>();
  CLI::App* command = add_command(crash, "list", "List a device's crash reports, newest first", *arguments);
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback(
      [arguments, &context] { print_list(Reports(*arguments, context).list(), arguments->as_json); });
}

void add_show(CLI::App& crash, Context& context) {
  auto arguments = std::make_shared<CrashArguments>();
  CLI::App* command = add_command(crash, "show", "Open a crash report, or serve it to GDB", *arguments);
  command->add_option("ID", arguments->id, "The report, or the beginning of its id")->capture_default_str();
  add_reading_options(*command, *arguments, true);
  command->add_option("--gdb", arguments->gdb,
                      "[ADDRESS:]PORT: serves the report to GDB there; port 0 picks one");
  command->add_flag("--once", arguments->once, "With --gdb: end when the first GDB has left");
  command->callback([arguments, &context] { show_command(*arguments, context); });
}

void add_remove(CLI::App& crash, Context& context) {
  auto arguments = std::make_shared<CrashArguments>();
  CLI::App* command = add_command(crash, "remove", "Delete a crash report from the cloud", *arguments);
  command->add_option("ID", arguments->id, "The report, or the beginning of its id")->required();
  command->callback([arguments, &context] {
    Reports reports(*arguments, context);
    const std::string id = text_of(reports.find(arguments->id), "id");
    reports.remove(id);
    note("removed " + id);
  });
}

}  // namespace

void add_crash(CLI::App& program, Context& context) {
  CLI::App* crash = program.add_subcommand("crash", "Crash reports of a device: list, show, remove");
  crash->require_subcommand(1);
  add_list(*crash, context);
  add_show(*crash, context);
  add_remove(*crash, context);
}

void add_device_crashes(CLI::App& devices, Context& context) {
  auto arguments = std::make_shared<CrashArguments>();
  CLI::App* command =
      add_command(devices, "crashes", "List a device's crash reports, and open them all", *arguments);
  add_reading_options(*command, *arguments, false);
  command->add_option("--remove", arguments->remove, "Delete the report with this id from the cloud");
  command->callback([arguments, &context] { devices_crashes_command(*arguments, context); });
}

}  // namespace microvisor::cli
