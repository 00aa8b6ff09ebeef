// microvisor relay: which hosts the account's devices may speak to through the cloud (docs/networking.md),
// and the options of whoever runs a cloud.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cloud/relay/options.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

constexpr const char* kPath = "/api/relay/hosts";

void list_hosts(const Context& context, bool as_json) {
  const json answer = Client(find_credentials(context.profile)).get(kPath);
  if (as_json) return print_line(answer.dump(2));
  const json& hosts = answer.at("hosts");
  if (hosts.empty()) note("no hosts on the list: every public host is allowed");
  for (const json& host : hosts) print_line(host.get<std::string>());
}

void add_change(CLI::App& group, Context& context, const char* name, const char* help,
                void (*change)(Client&, const std::string&)) {
  auto host = std::make_shared<std::string>();
  CLI::App* command = group.add_subcommand(name, help);
  command->add_option("HOST", *host, "Name, or *.DOMAIN for all below a domain; :PORT if only one")
      ->required();
  command->callback([host, change, &context] {
    Client client(find_credentials(context.profile));
    change(client, *host);
  });
}

}  // namespace

void add_relay_options(CLI::App& command, cloud::RelayOptions& options) {
  command.add_option(
      "--relay-resolve", options.resolve,
      "HOST:PORT:ADDRESS[:PORT]: devices' requests to HOST and PORT go to that address, also a "
      "private one; may be repeated");
  command.add_option("--relay-ca", options.authorities,
                     "Certificates (PEM) to trust for devices' requests beside the system's");
}

void add_relay(CLI::App& program, Context& context) {
  CLI::App* group =
      program.add_subcommand("relay", "Which hosts the account's devices may speak to through the cloud");
  group->require_subcommand(1);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* list = group->add_subcommand("list", "List them; without any, every public host is allowed");
  list->add_flag("--json", *as_json, "Print as JSON");
  list->callback([as_json, &context] { list_hosts(context, *as_json); });
  add_change(*group, context, "allow", "Put a host on the list", [](Client& client, const std::string& host) {
    print_line(text_of(client.post_json(kPath, {{"host", host}}), "host"));
  });
  add_change(*group, context, "remove", "Take a host off the list",
             [](Client& client, const std::string& host) {
               client.remove(std::string(kPath) + "/" + Client::escape(host));
             });
}

}  // namespace microvisor::cli
