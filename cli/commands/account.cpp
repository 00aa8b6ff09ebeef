// microvisor account: accounts of an installation.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {

void add_account(CLI::App& program, Context& context) {
  CLI::App* account = program.add_subcommand("account", "Accounts of an installation");
  account->require_subcommand(1);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command =
      account->add_subcommand("create", "Make another account; only the installation's first one may");
  command->add_flag("--json", *as_json, "Print {\"account_sid\", \"auth_token\"}");
  command->callback([as_json, &context] {
    const nlohmann::json made =
        Client(find_credentials(context.profile)).post_json("/api/accounts", nlohmann::json::object());
    if (*as_json) return print_line(made.dump());
    print_line(format_fields({{"account", made.at("account_sid").get<std::string>()},
                              {"token", made.at("auth_token").get<std::string>()}}));
    note("the token is shown only now");
  });
}

}  // namespace microvisor::cli
