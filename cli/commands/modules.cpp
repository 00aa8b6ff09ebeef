// microvisor modules: firmware of Wi-Fi modules, and which devices' modules are to run it.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/commands/releases.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"
#include "protocol/bundle/module_bundle.hpp"

namespace microvisor::cli {
namespace {

constexpr ReleaseKind kModules{
    .many = "modules",
    .one = "module",
    .name = "HASH",
    .name_help = "The release's hash",
    .file_help = "Release (.zip), as 'modules bundle' makes it",
    .deploy_help = "Have the module of a device, or of all of them, run a release",
    .all_help = "All devices of the account whose module is of that kind and runs another version",
};

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

}  // namespace

void add_modules(CLI::App& program, Context& context) {
  CLI::App* modules = program.add_subcommand("modules", "Update the firmware of devices' Wi-Fi modules");
  modules->require_subcommand(1);
  add_module_bundle(*modules);
  add_release_upload(*modules, context, kModules);
  add_release_list(
      *modules, context, kModules,
      {{"MODULE", "module"}, {"VERSION", "version"}, {"UPLOADED", "date_created"}, {"HASH", "hash"}});
  add_release_remove(*modules, context, kModules);
  add_release_deploy(*modules, context, kModules);
}

}  // namespace microvisor::cli
