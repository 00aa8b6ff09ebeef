// microvisor modules: firmware of Wi-Fi modules, and which devices' modules are to run it.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"
#include "cli/progress.hpp"
#include "protocol/bundle/module_bundle.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct BundleArguments {
  std::string image, output, key;
  protocol::ModuleInfo info;
};

void make_bundle(const BundleArguments& arguments) {
  const auto release = protocol::make_module_bundle(arguments.info, read_file(arguments.image),
                                                    *open_signing_key(arguments.key));
  if (!release) throw Failure(arguments.image + ": " + release.error().message);
  write_file(arguments.output, protocol::write_module_bundle(*release));
  print_line(fmt::format("{}: {} version {}, {} bytes", arguments.output, release->info.module,
                         release->info.version, release->info.size));
}

void add_module_bundle(CLI::App& modules) {
  auto arguments = std::make_shared<BundleArguments>();
  CLI::App* command = modules.add_subcommand("bundle", "Make a release of a module's firmware, signed");
  command->add_option("IMAGE", arguments->image, "The firmware, as the module takes it")->required();
  command->add_option("OUTPUT", arguments->output, "Release to write (.zip)")->required();
  command->add_option("--module", arguments->info.module, "Kind of module, as it says itself")->required();
  command->add_option("--version", arguments->info.version, "Version number, as it will say itself")
      ->required();
  command->add_flag("--may-replace-newer", arguments->info.may_replace_newer,
                    "Modules with a newer version take it, too");
  command->add_option("-k,--key", arguments->key, "The vendor's private key: PEM file or PKCS #11 URI")
      ->required();
  command->callback([arguments] { make_bundle(*arguments); });
}

void add_module_upload(CLI::App& modules, Context& context) {
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = modules.add_subcommand("upload", "Upload a release");
  command->add_option("FILE", *file, "Release (.zip), as 'modules bundle' makes it")->required();
  command->add_flag("--json", *as_json, "Print the release as JSON");
  command->callback([file, as_json, &context] {
    const protocol::Bytes bytes = read_file(*file);
    Client client(find_credentials(context.profile));
    Progress progress("uploading");
    const json release =
        client.upload("/api/modules", std::string(protocol::as_text(bytes)), "",
                      [&](std::size_t done, std::size_t total) { progress.update(done, total); });
    print_line(*as_json ? release.dump(2) : text_of(release, "hash"));
  });
}

void add_module_list(CLI::App& modules, Context& context) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = modules.add_subcommand("list", "List the releases that the cloud has");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, &context] {
    const json list = Client(find_credentials(context.profile)).get("/api/modules").at("modules");
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::vector<std::string>> rows;
    for (const auto& release : list) {
      rows.push_back({text_of(release, "module"), text_of(release, "version"),
                      text_of(release, "date_created"), text_of(release, "hash")});
    }
    print_line(format_table({"MODULE", "VERSION", "UPLOADED", "HASH"}, rows));
  });
}

void add_module_remove(CLI::App& modules, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = modules.add_subcommand("remove", "Delete a release from the cloud");
  command->add_option("HASH", *name, "Its hash")->required();
  command->callback([name, &context] {
    Client(find_credentials(context.profile)).remove("/api/modules/" + Client::escape(*name));
    note("removed " + *name);
  });
}

struct DeployArguments {
  std::string release, device;
  bool all = false;
};

void deploy_firmware(Client& client, const DeployArguments& arguments) {
  if (arguments.all == !arguments.device.empty()) throw Failure("name a device, or all of them by --all");
  if (arguments.all) {
    const json answer =
        client.post_json("/api/modules/" + Client::escape(arguments.release) + "/deploy", json::object());
    return note("named to " + text_of(answer, "devices") + " devices");
  }
  client.post_json("/api/devices/" + Client::escape(arguments.device) + "/module",
                   {{"target", arguments.release}});
  note("named to " + arguments.device + "; 'devices show' tells how it goes");
}

void add_module_deploy(CLI::App& modules, Context& context) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command =
      modules.add_subcommand("deploy", "Have the module of a device, or of all of them, run a release");
  command->add_option("HASH", arguments->release, "The release's hash")->required();
  command->add_option("DEVICE", arguments->device, "SID or unique name");
  command->add_flag("--all", arguments->all,
                    "All devices of the account whose module is of that kind and runs another version");
  command->callback([arguments, &context] {
    Client client(find_credentials(context.profile));
    deploy_firmware(client, *arguments);
  });
}

}  // namespace

void add_modules(CLI::App& program, Context& context) {
  CLI::App* modules = program.add_subcommand("modules", "Update the firmware of devices' Wi-Fi modules");
  modules->require_subcommand(1);
  add_module_bundle(*modules);
  add_module_upload(*modules, context);
  add_module_list(*modules, context);
  add_module_remove(*modules, context);
  add_module_deploy(*modules, context);
}

}  // namespace microvisor::cli
