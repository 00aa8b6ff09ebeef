// microvisor devices attestation: what a device has proven to run (docs/attestation.md).
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

std::string or_unknown(const json& object, const char* name) {
  return object.at(name).is_null() ? "unknown" : text_of(object, name);
}

void print_statement(const json& statement) {
  std::vector<std::vector<std::string>> rows;
  for (const char* part : {"bootrom", "upgrader", "kernel", "kernel_manifest"}) {
    const json& measurement = statement.at(part);
    rows.push_back({part, or_unknown(measurement, "known_as"), text_of(measurement, "sha256")});
  }
  const json& app = statement.at("application");
  constexpr std::size_t kPrefix = 7;  // "sha256:"
  const bool any = !app.at("hash").is_null();
  rows.push_back({"application", any ? or_unknown(app, "sid") : "none",
                  any ? text_of(app, "hash").substr(kPrefix) : "-"});
  print_line(format_table({"MEASURED", "KNOWN AS", "SHA256"}, rows));
}

void print_attestation(const json& attestation) {
  const json& statement = attestation.at("statement");
  std::vector<std::pair<std::string, std::string>> fields = {
      {"status", text_of(attestation, "status")},
      {"reason", text_of(attestation, "reason")},
      {"checked", text_of(attestation, "date_checked")},
      {"verified", text_of(attestation, "date_verified")}};
  if (!statement.is_null()) {
    fields.emplace_back("kernel version number", text_of(statement, "kernel_version_number"));
    fields.emplace_back("security ratchet", text_of(statement, "security_ratchet"));
  }
  print_line(format_fields(fields));
  if (!statement.is_null()) print_statement(statement);
}

}  // namespace

void add_device_attestation(CLI::App& devices, Context& context) {
  auto name = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = devices.add_subcommand("attestation", "Show what a device has proven to run");
  command->add_option("DEVICE", *name, "SID or unique name")->required();
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([name, as_json, &context] {
    const json attestation = Client(find_credentials(context.profile))
                                 .get("/api/devices/" + Client::escape(*name))
                                 .at("attestation");
    if (*as_json) return print_line(attestation.dump(2));
    print_attestation(attestation);
  });
}

}  // namespace microvisor::cli
