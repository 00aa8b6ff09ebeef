// microvisor devices crashes: what the cloud keeps encrypted, opened here, where the key is.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/crash_view.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct CrashesArguments {
  std::string device, key, elf, remove;
  bool as_json = false;
};

protocol::SigningKey read_key(const std::string& file) {
  const auto pem = read_file(file);
  auto key = protocol::SigningKey::from_pem(protocol::as_text(pem));
  if (!key) throw Failure(file + ": " + key.error().message);
  return std::move(*key);
}

board::Symbols read_symbols(const std::string& file) {
  if (file.empty()) return {};
  auto symbols = board::load_symbols(file);
  if (!symbols) throw Failure(file + ": " + symbols.error().message);
  return std::move(*symbols);
}

void list_crashes(const json& crashes, bool as_json) {
  if (as_json) return print_line(crashes.dump(2));
  std::vector<std::vector<std::string>> rows;
  for (const auto& crash : crashes)
    rows.push_back({text_of(crash, "id"), text_of(crash, "date_received"), text_of(crash, "size")});
  print_line(format_table({"ID", "RECEIVED", "BYTES"}, rows));
}

/// Opens all that the key opens. What it does not is said in one line each.
void show_crashes(Client& client, const std::string& path, const json& crashes,
                  const CrashesArguments& arguments) {
  const protocol::SigningKey key = read_key(arguments.key);
  const board::Symbols symbols = read_symbols(arguments.elf);
  json opened = json::array();
  bool failed = false;
  for (const auto& crash : crashes) {
    const std::string id = text_of(crash, "id");
    const json report = client.get(path + "/" + id);
    const auto content = protocol::from_base64(text_of(report, "content"));
    const auto plain =
        protocol::open_crash_report(content.value_or(protocol::Bytes()), key, text_of(report, "device_sid"));
    if (!plain) {
      note("crash report " + id.substr(0, 12) + ": " + plain.error().message);
      failed = true;
      continue;
    }
    if (arguments.as_json) {
      json entry = crash;
      entry.update(crash_as_json(*plain, symbols));
      opened.push_back(entry);
    } else {
      print_line("crash report " + id.substr(0, 12) + ", received " + text_of(crash, "date_received") + ": " +
                 format_crash(*plain, symbols));
    }
  }
  if (arguments.as_json) print_line(opened.dump(2));
  if (failed) throw ExitStatus{1};
}

void crashes_command(const CrashesArguments& arguments, const Context& context) {
  if (arguments.key.empty() && !arguments.elf.empty())
    throw Failure("--elf names addresses; they take --key to be read");
  Client client(find_credentials(context.profile));
  const std::string path = "/api/devices/" + Client::escape(arguments.device) + "/crashes";
  if (!arguments.remove.empty()) {
    client.remove(path + "/" + Client::escape(arguments.remove));
    return note("removed " + arguments.remove);
  }
  const json crashes = client.get(path).at("crashes");
  if (arguments.key.empty()) return list_crashes(crashes, arguments.as_json);
  if (crashes.empty() && !arguments.as_json) return note("no crash reports");
  show_crashes(client, path, crashes, arguments);
}

}  // namespace

void add_device_crashes(CLI::App& devices, Context& context) {
  auto arguments = std::make_shared<CrashesArguments>();
  CLI::App* command = devices.add_subcommand("crashes", "List a device's crash reports, and open them");
  command->add_option("DEVICE", arguments->device, "SID or unique name")->required();
  command->add_option(
      "--key", arguments->key,
      "Private key (PEM) of the pair whose public key is in the bundle: shows what the reports say");
  command->add_option("--elf", arguments->elf, "The application's ELF file: names functions");
  command->add_option("--remove", arguments->remove, "Delete the report with this id from the cloud");
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, &context] { crashes_command(*arguments, context); });
}

}  // namespace microvisor::cli
