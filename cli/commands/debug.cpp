// microvisor debug: GDB on the application of a device, through the cloud or over the device's own line.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/debug/device_service.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {

namespace {

struct Arguments {
  debug::ServiceArguments service;
  std::string bundle, hash;
  bool direct = false;
  bool once = false;
};

bool keep_going() { return !InterruptGuard::requested(); }

debug::DeviceService service_of(const Arguments& arguments, const Context& context) {
  const debug::ServiceArguments& service = arguments.service;
  if (!arguments.direct) return {find_credentials(context.profile), service};
  return {{.line = service.device,
           .key = service.key,
           .certificate = service.certificate,
           .bundle = arguments.bundle,
           .hash = arguments.hash,
           .listen = service.listen},
          keep_going};
}

}  // namespace

void add_debug(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("debug", "Serve GDB with the application of a device, wherever that is");
  command
      ->add_option("DEVICE", arguments->service.device, "SID or unique name; with --direct the serial port")
      ->required();
  command
      ->add_option(
          "KEY", arguments->service.key,
          "Private key (PEM) of the pair whose public key is in the bundle (see 'apps debug-keypair')")
      ->required();
  command->add_option("--listen", arguments->service.listen, "[ADDRESS:]PORT for GDB; port 0 picks one")
      ->capture_default_str();
  command->add_option("--certificate", arguments->service.certificate,
                      "Certificate (PEM) of the device, instead of what the cloud says it is");
  CLI::Option* direct =
      command->add_flag("--direct", arguments->direct,
                        "Without a cloud: this machine is connected in the place of the device's modem");
  command
      ->add_option("--bundle", arguments->bundle, "With --direct: the bundle that the device has installed")
      ->needs(direct);
  command
      ->add_option("--hash", arguments->hash,
                   "Instead of --bundle: the application's hash, as 'apps show' says it")
      ->needs(direct);
  command->add_flag("--once", arguments->once, "End when the first GDB has left");
  command->callback([arguments, &context] {
    const InterruptGuard guard;
    debug::DeviceService service = service_of(*arguments, context);
    print_line("GDB server listening on " + service.address());
    service.serve(arguments->once, keep_going);
  });
}

}  // namespace microvisor::cli
