// microvisor logs: the live log of a device.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/log_stream.hpp"

namespace microvisor::cli {

void add_logs(CLI::App& program, Context& context) {
  CLI::App* logs = program.add_subcommand("logs", "Follow what devices log");
  logs->require_subcommand(1);
  auto device = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = logs->add_subcommand("stream", "Follow a device's log until interrupted");
  command->add_option("DEVICE", *device, "SID or unique name")->required();
  command->add_flag("--json", *as_json, "Print each record as a JSON object on its line");
  command->callback([device, as_json, &context] {
    const InterruptGuard interrupt;
    Client client(find_credentials(context.profile));
    follow_log(client, *device, *as_json, [] { return !InterruptGuard::requested(); });
  });
}

}  // namespace microvisor::cli
