// microvisor login: credentials remembered for this user.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/credentials.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

struct LoginArguments {
  std::string file;
  Credentials credentials;
};

Credentials chosen(const LoginArguments& arguments) {
  if (!arguments.file.empty()) return read_credentials(arguments.file);
  const Credentials& given = arguments.credentials;
  if (given.base_url.empty() || given.account_sid.empty() || given.auth_token.empty()) {
    throw Failure("name a credentials file, or --base-url, --account and --token");
  }
  return given;
}

}  // namespace

void add_login(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<LoginArguments>();
  CLI::App* command = program.add_subcommand("login", "Check credentials and remember them (see --profile)");
  command->add_option("FILE", arguments->file, "credentials.json of a cloud");
  command->add_option("--base-url", arguments->credentials.base_url, "For example https://cloud.example.com");
  command->add_option("--account", arguments->credentials.account_sid,
                      "Account SID (AC...) or API key SID (SK...)");
  command->add_option("--token", arguments->credentials.auth_token, "Auth token, or the API key's secret");
  command->callback([arguments, &context] {
    const Credentials credentials = chosen(*arguments);
    const auto account = Client(credentials).get("/api/account");
    save_credentials(credentials, context.profile);
    note("logged in to " + credentials.base_url + " as " + text_of(account, "account_sid"));
  });
}

}  // namespace microvisor::cli
