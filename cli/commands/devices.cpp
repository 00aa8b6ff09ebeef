// microvisor devices: what the cloud knows of the account's devices, and their settings.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "protocol/link/update_error.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

std::string device_path(const std::string& device) { return "/v1/Devices/" + Client::escape(device); }

std::string describe_kernel_update(const json& kernel) {
  const std::string status = text_of(kernel, "update_status");
  if (status != "error") return status == "pending" ? status + ", " + text_of(kernel, "state") : status;
  return protocol::describe_update_error(kernel.at("update_error_code").get<int>());
}

std::string describe_module(const json& module) {
  if (module.at("kind").is_null()) return "unknown";
  return text_of(module, "kind") + ", version " + text_of(module, "version");
}

/// "cellular, -85 dBm, roaming".
std::string describe_bearer(const json& bearer) {
  if (bearer.is_null()) return "unknown";
  std::string text = text_of(bearer, "kind");
  if (!bearer.at("signal_dbm").is_null()) text += ", " + text_of(bearer, "signal_dbm") + " dBm";
  if (bearer.at("roaming").get<bool>()) text += ", roaming";
  return text;
}

/// "wrong password"; empty if it did not fail, or was not tried.
std::string describe_other_bearer(const json& bearer) {
  std::string text = bearer.is_null() ? std::string() : text_of(bearer, "other_failed");
  std::ranges::replace(text, '_', ' ');
  return text;
}

/// "trusted", "unknown: bootrom, kernel", "failed: no answer", "none".
std::string describe_attestation(const json& attestation) {
  std::string text = text_of(attestation, "status");
  if (text == "failed") return text + ": " + text_of(attestation, "reason");
  if (text != "unknown") return text;
  const char* separator = ": ";
  for (const char* part : {"bootrom", "upgrader", "kernel", "kernel_manifest"}) {
    if (!attestation.at("statement").at(part).at("known_as").is_null()) continue;
    text += separator + std::string(part);
    separator = ", ";
  }
  return text;
}

/// The v1 resource as it is, or as text with what /api knows beside it.
void print_device(Client& client, const json& device, bool as_json) {
  if (as_json) return print_line(device.dump(2));
  const json& app = device.at("app");
  const json& logging = device.at("logging");
  const json state = client.get("/api/devices/" + Client::escape(text_of(device, "sid")));
  print_line(format_fields({{"sid", text_of(device, "sid")},
                            {"unique name", text_of(device, "unique_name")},
                            {"target app", text_of(app, "target_sid")},
                            {"reported app", text_of(app, "reported_sid")},
                            {"update status", text_of(app, "update_status")},
                            {"update error", text_of(app, "update_error_code")},
                            {"kernel", text_of(state, "kernel_version")},
                            {"kernel update", describe_kernel_update(state.at("kernel"))},
                            {"bearer", describe_bearer(state.at("bearer"))},
                            {"other bearer", describe_other_bearer(state.at("bearer"))},
                            {"module", describe_module(state.at("module"))},
                            {"module update", describe_kernel_update(state.at("module"))},
                            {"attestation", describe_attestation(state.at("attestation"))},
                            {"logging", text_of(logging, "enabled") == "true" ? "on" : "off"},
                            {"logging expires", text_of(logging, "date_expires")}}));
}

void add_list(CLI::App& devices, Context& context) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = devices.add_subcommand("list", "List the account's devices");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, &context] {
    const json list = Client(find_credentials(context.profile)).get_all("/v1/Devices", "devices");
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::vector<std::string>> rows;
    for (const auto& device : list) {
      const json& app = device.at("app");
      rows.push_back({text_of(device, "sid"), text_of(device, "unique_name"), text_of(app, "update_status"),
                      text_of(app, "reported_sid")});
    }
    print_line(format_table({"SID", "UNIQUE NAME", "UPDATE", "RUNS"}, rows));
  });
}

void add_show(CLI::App& devices, Context& context) {
  auto name = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = devices.add_subcommand("show", "Show one device");
  command->add_option("DEVICE", *name, "SID or unique name")->required();
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([name, as_json, &context] {
    Client client(find_credentials(context.profile));
    print_device(client, client.get(device_path(*name)), *as_json);
  });
}

/// What proves a device to a debugger that does without the cloud later.
void add_certificate(CLI::App& devices, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = devices.add_subcommand("certificate", "Print a device's certificate (PEM)");
  command->add_option("DEVICE", *name, "SID or unique name")->required();
  command->callback([name, &context] {
    Client client(find_credentials(context.profile));
    const std::string sid = text_of(client.get(device_path(*name)), "sid");
    const json all = client.get("/api/decrypters").at("devices");
    const auto found = std::ranges::find_if(all, [&](const json& d) { return text_of(d, "sid") == sid; });
    if (found == all.end() || found->at("certificate").is_null())
      throw Failure(sid + " has not connected yet: nobody knows its certificate");
    std::string pem = found->at("certificate").get<std::string>();
    while (pem.ends_with('\n')) pem.pop_back();
    print_line(pem);
  });
}

struct UpdateArguments {
  std::string device, target;
  std::string unique_name;
  bool logging_on = false;
  bool logging_off = false;
  bool restart = false;
  bool as_json = false;
};

Form update_form(const UpdateArguments& arguments) {
  Form form;
  if (!arguments.unique_name.empty()) form.emplace_back("UniqueName", arguments.unique_name);
  if (!arguments.target.empty()) form.emplace_back("TargetApp", arguments.target);
  if (arguments.logging_on || arguments.logging_off) {
    form.emplace_back("LoggingEnabled", arguments.logging_on ? "true" : "false");
  }
  if (arguments.restart) form.emplace_back("RestartApp", "true");
  if (form.empty()) throw Failure("nothing to change: name an option (see 'devices update --help')");
  return form;
}

void add_update(CLI::App& devices, Context& context) {
  auto arguments = std::make_shared<UpdateArguments>();
  CLI::App* command = devices.add_subcommand("update", "Change a device's name, application or logging");
  command->add_option("DEVICE", arguments->device, "SID or unique name")->required();
  command->add_option("--unique-name", arguments->unique_name, "New unique name");
  command->add_option("--target-app", arguments->target, "Application to run: SID or unique name");
  command->add_flag("--logging-enabled", arguments->logging_on,
                    "Switch application logging on, for 24 hours");
  command->add_flag("--no-logging-enabled", arguments->logging_off, "Switch application logging off")
      ->excludes("--logging-enabled");
  command->add_flag("--restart-app", arguments->restart, "Restart the running application");
  command->add_flag("--json", arguments->as_json, "Print the device as JSON");
  command->callback([arguments, &context] {
    const Form form = update_form(*arguments);
    Client client(find_credentials(context.profile));
    print_device(client, client.post_form(device_path(arguments->device), form), arguments->as_json);
  });
}

}  // namespace

void add_devices(CLI::App& program, Context& context) {
  CLI::App* devices = program.add_subcommand("devices", "List, show and change devices");
  devices->require_subcommand(1);
  add_list(*devices, context);
  add_show(*devices, context);
  add_certificate(*devices, context);
  add_update(*devices, context);
  add_device_custody(*devices, context);
  add_device_attestation(*devices, context);
  add_device_crashes(*devices, context);
  add_device_return(*devices, context);
}

}  // namespace microvisor::cli
