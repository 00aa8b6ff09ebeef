// microvisor debug: GDB on the application of a device.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/debug/device_service.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {

void add_debug(CLI::App& program, Context& context) {
  struct Arguments {
    debug::ServiceArguments service;
    bool once = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("debug", "Serve GDB with the application of a device, wherever that is");
  command->add_option("DEVICE", arguments->service.device, "SID or unique name")->required();
  command
      ->add_option(
          "KEY", arguments->service.key,
          "Private key (PEM) of the pair whose public key is in the bundle (see 'apps debug-keypair')")
      ->required();
  command->add_option("--listen", arguments->service.listen, "[ADDRESS:]PORT for GDB; port 0 picks one")
      ->capture_default_str();
  command->add_option("--certificate", arguments->service.certificate,
                      "Certificate (PEM) of the device, instead of what the cloud says it is");
  command->add_flag("--once", arguments->once, "End when the first GDB has left");
  command->callback([arguments, &context] {
    const InterruptGuard guard;
    debug::DeviceService service(find_credentials(context.profile), arguments->service);
    print_line("GDB server listening on " + service.address());
    service.serve(arguments->once, [] { return !InterruptGuard::requested(); });
  });
}

}  // namespace microvisor::cli
