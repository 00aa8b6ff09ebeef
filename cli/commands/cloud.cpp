// microvisor cloud serve: the cloud as a daemon.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cloud/server.hpp"

namespace microvisor::cli {

void add_cloud(CLI::App& program) {
  CLI::App* cloud = program.add_subcommand("cloud", "Run the cloud");
  cloud->require_subcommand(1);
  auto options = std::make_shared<cloud::ServerOptions>();
  options->data = "microvisor-data";
  CLI::App* command =
      cloud->add_subcommand("serve", "Serve the REST API and the device gateway until interrupted");
  command->add_option("--listen", options->listen, "ADDRESS:PORT of the REST API; port 0 picks one")
      ->capture_default_str();
  command->add_option("--gateway", options->gateway, "ADDRESS:PORT for devices; port 0 picks one")
      ->capture_default_str();
  command->add_option("--data", options->data, "Directory of everything kept; made if missing")
      ->capture_default_str();
  add_relay_options(*command, options->relay);
  command->callback([options] {
    const InterruptGuard interrupt;
    auto server = cloud::Server::start(*options);
    if (!server) throw Failure(server.error());
    note("REST API at " + (*server)->base_url() + ", devices at " + (*server)->credentials().gateway);
    note("credentials in " + (*server)->credentials_path());
    InterruptGuard::wait();
    (*server)->stop();
  });
}

}  // namespace microvisor::cli
