// microvisor signers: whose signatures the account's devices accept.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_changes.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string which;  // public key file, or key id
  std::string key;
  bool as_json = false;
};

void print_signers(const json& answer, bool as_json) {
  if (as_json) return print_line(answer.dump(2));
  std::vector<std::vector<std::string>> rows;
  for (const json& signer : answer.at("signers")) {
    rows.push_back(
        {text_of(signer, "key_id"), signer.at("held_by_cloud").get<bool>() ? "the cloud" : "the owner"});
  }
  print_line(format_table({"KEY", "HELD BY"}, rows));
}

json publish(Client& client, const protocol::KeyChange& change, const std::string& key) {
  auto latest = client.get("/api/signers").at("sequence").get<std::uint64_t>();
  return publish_key_change(client, change, key, latest);
}

void add(Client& client, const Arguments& arguments) {
  const auto pem = read_file(arguments.which);
  const auto key = protocol::public_key_from_pem(protocol::as_text(pem));
  if (!key) throw Failure(arguments.which + ": " + key.error().message);
  print_signers(arguments.key.empty()
                    ? client.post_json("/api/signers", {{"public_key", protocol::public_key_to_pem(*key)}})
                    : publish(client, {0, "", {}, {*key}}, arguments.key),
                arguments.as_json);
}

void remove(Client& client, const Arguments& arguments) {
  if (arguments.key.empty()) {
    client.remove("/api/signers/" + Client::escape(arguments.which));
    return print_signers(client.get("/api/signers"), arguments.as_json);
  }
  const std::uint64_t id = key_id_argument(arguments.which);
  print_signers(publish(client, {0, "", {id}, {}}, arguments.key), arguments.as_json);
}

using Action = void (*)(Client&, const Arguments&);

void add_change(CLI::App& group, Context& context, const char* name, const char* help, const char* which,
                const char* which_help, Action action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = group.add_subcommand(name, help);
  command->add_option(which, arguments->which, which_help)->required();
  add_signing_key_option(*command, arguments->key);
  command->add_flag("--json", arguments->as_json, "Print the signers as JSON");
  command->callback([arguments, action, &context] {
    Client client(find_credentials(context.profile));
    action(client, *arguments);
  });
}

}  // namespace

void add_signers(CLI::App& program, Context& context) {
  CLI::App* group =
      program.add_subcommand("signers", "Whose signatures on applications the account's devices accept");
  group->require_subcommand(1);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* list = group->add_subcommand("list", "List them");
  list->add_flag("--json", *as_json, "Print as JSON");
  list->callback([as_json, &context] {
    print_signers(Client(find_credentials(context.profile)).get("/api/signers"), *as_json);
  });
  add_change(*group, context, "add", "Have the devices accept another key", "PUBLIC_KEY",
             "P-256 public key (PEM)", add);
  add_change(*group, context, "remove", "Have the devices accept a key no more", "KEY_ID", "16 hex digits",
             remove);
}

}  // namespace microvisor::cli
