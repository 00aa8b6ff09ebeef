// microvisor apn: which packet network a device's modem is to be in, over the serial line of that modem.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/access_point.hpp"
#include "cli/commands/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/line_talk.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

struct Arguments {
  std::string name, port;
};

void set(const Arguments& arguments) {
  require_access_point_name(arguments.name);
  LineTalk(arguments.port).ask("A " + arguments.name);
  print_line("the device dials with " + arguments.name);
}

void get(const Arguments& arguments) {
  const std::string name = LineTalk(arguments.port).ask("A");
  print_line(name.empty() ? "the device dials with the subscription's own" : name);
}

void clear(const Arguments& arguments) {
  LineTalk(arguments.port).ask("A -");
  print_line("the device dials with the subscription's own");
}

void add(CLI::App& group, const char* name, const char* what, void (*run)(const Arguments&), bool sets) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = group.add_subcommand(name, what);
  if (sets) command->add_option("NAME", arguments->name, "Access point name")->required();
  command->add_option("PORT", arguments->port, "Serial port in the place of the device's modem")->required();
  command->callback([arguments, run] {
    const InterruptGuard guard;
    run(*arguments);
  });
}

}  // namespace

void add_apn(CLI::App& program) {
  CLI::App* group = program.add_subcommand(
      "apn", "The access point name that the modem of a device on the bench dials with");
  group->require_subcommand(1);
  add(*group, "set", "Store it on the device; one that the network refuses is tried by turns with the own",
      set, true);
  add(*group, "get", "Show the one that the device has stored", get, false);
  add(*group, "clear", "Remove it: the device dials with the one that its subscription has", clear, false);
}

}  // namespace microvisor::cli
