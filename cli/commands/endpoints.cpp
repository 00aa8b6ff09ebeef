// microvisor endpoints: where the opaque channels of the account's devices lead.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

void add_add(CLI::App& endpoints, Context& context) {
  auto name = std::make_shared<std::string>();
  auto url = std::make_shared<std::string>();
  CLI::App* command = endpoints.add_subcommand("add", "Define an endpoint, or have one lead elsewhere");
  command->add_option("NAME", *name, "What applications open a channel to: at most 31 characters, no spaces")
      ->required();
  command->add_option("URL", *url, "tcp://HOST:PORT, tls://HOST:PORT or wss://HOST[:PORT]/PATH")->required();
  command->callback([name, url, &context] {
    Client client(find_credentials(context.profile));
    client.post_json("/api/endpoints", {{"name", *name}, {"url", *url}});
    note("channels to " + *name + " lead to " + *url);
  });
}

void add_list(CLI::App& endpoints, Context& context) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = endpoints.add_subcommand("list", "List the account's endpoints");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, &context] {
    const json list = Client(find_credentials(context.profile)).get("/api/endpoints").at("endpoints");
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::vector<std::string>> rows;
    for (const json& endpoint : list) rows.push_back({text_of(endpoint, "name"), text_of(endpoint, "url")});
    print_line(format_table({"NAME", "URL"}, rows));
  });
}

void add_remove(CLI::App& endpoints, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      endpoints.add_subcommand("remove", "Take an endpoint away; channels that are open go on");
  command->add_option("NAME", *name, "Its name")->required();
  command->callback([name, &context] {
    Client(find_credentials(context.profile)).remove("/api/endpoints/" + Client::escape(*name));
    note("removed " + *name);
  });
}

}  // namespace

void add_endpoints(CLI::App& program, Context& context) {
  CLI::App* endpoints =
      program.add_subcommand("endpoints", "Name where the byte streams of devices may lead");
  endpoints->require_subcommand(1);
  add_add(*endpoints, context);
  add_list(*endpoints, context);
  add_remove(*endpoints, context);
}

}  // namespace microvisor::cli
