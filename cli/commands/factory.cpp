// microvisor factory: what a production line does, from the image for the programmer on.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <map>
#include <memory>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/factory_files.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"

namespace microvisor::cli {
namespace {

using firmware::image::ReadoutProtection;

const std::map<std::string, ReadoutProtection>& protection_levels() {
  static const std::map<std::string, ReadoutProtection> levels = {{"0", ReadoutProtection::Level0},
                                                                  {"0.5", ReadoutProtection::Level0_5},
                                                                  {"1", ReadoutProtection::Level1},
                                                                  {"2", ReadoutProtection::Level2}};
  return levels;
}

struct ImageArguments {
  std::string directory;
  std::string level = "1";
};

void write_image(const ImageArguments& arguments, const Context& context) {
  Client client(find_credentials(context.profile));
  const ReadoutProtection level = protection_levels().at(arguments.level);
  write_factory_files(arguments.directory,
                      firmware::image::build_factory_image(common_identity(client), level));
  print_line(arguments.directory);
  if (level == ReadoutProtection::Level0)
    note("read-out protection level 0: anybody with a debugger reads these devices; not for products");
  if (level == ReadoutProtection::Level2)
    note("read-out protection level 2 cannot be undone: such a chip is never erased or debugged again");
}

void add_image(CLI::App& factory, Context& context) {
  auto arguments = std::make_shared<ImageArguments>();
  CLI::App* command = factory.add_subcommand(
      "image",
      "Write the files that program the devices of a production line, all alike and without secrets");
  command->add_option("DIRECTORY", arguments->directory, "Where to write; made")->required();
  command->add_option("--rdp", arguments->level, "Read-out protection level (docs/factory.md)")
      ->check(CLI::IsMember({"0", "0.5", "1", "2"}))
      ->capture_default_str();
  command->callback([arguments, &context] { write_image(*arguments, context); });
}

}  // namespace

void add_factory(CLI::App& program, Context& context) {
  CLI::App* factory = program.add_subcommand("factory", "Make devices on a production line");
  factory->require_subcommand(1);
  add_image(*factory, context);
}

}  // namespace microvisor::cli
