// microvisor deploy: an application onto a device, in one command.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

struct DeployArguments {
  std::string application, device, unique_name;
  bool wait = false;
  bool delta = true;
};

bool is_app_sid(const std::string& text) { return std::regex_match(text, std::regex("KA[0-9a-fA-F]{32}")); }

void deploy(const DeployArguments& arguments, const Context& context) {
  const InterruptGuard interrupt;
  Client client(find_credentials(context.profile));
  std::string app = arguments.application;
  if (!is_app_sid(app)) {
    note("uploading " + app);
    app = text_of(upload_application(client, load_application(app), arguments.unique_name), "sid");
  }
  note("assigning app " + app + " to device " + arguments.device);
  set_update_travel(client, arguments.device, arguments.delta);
  set_target(client, arguments.device, app);
  if (!arguments.wait) return;
  const std::size_t sent =
      wait_for_deployment(client, arguments.device, [] { return !InterruptGuard::requested(); });
  note("device " + arguments.device + " runs " + app + "; " + std::to_string(sent) +
       " bytes were sent for it");
}

}  // namespace

void add_deploy(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = program.add_subcommand("deploy", "Upload an application and assign it to a device");
  command
      ->add_option("APPLICATION", arguments->application,
                   "ELF file, bundle, or the SID of an uploaded application")
      ->required();
  command->add_option("--device,--devicesid,--device-sid", arguments->device, "Device SID or unique name")
      ->required();
  command->add_option("--unique-name", arguments->unique_name, "Unique name for the new application");
  command->add_flag(
      "--delta,!--no-delta", arguments->delta,
      "Updates of the device travel compressed or as differences where that is less (the default), "
      "or whole");
  command->add_flag("--wait", arguments->wait, "Return when the device runs it, or fail when it cannot");
  command->callback([arguments, &context] { deploy(*arguments, context); });
}

}  // namespace microvisor::cli
