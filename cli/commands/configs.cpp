// microvisor configs, microvisor secrets: small texts that the account keeps for its applications.
//
// Two groups of the same commands; of secrets there is never a value to print.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

/// What is different between the two groups.
struct Kind {
  const char* group;       // of commands, and the name of the array in lists
  const char* one;         // in sentences
  const char* collection;  // in paths
  const char* date;        // the property that says when it was set
  bool readable;
};
constexpr Kind kConfigs{"configs", "config", "/Configs", "date_updated", true};
constexpr Kind kSecrets{"secrets", "secret", "/Secrets", "date_rotated", false};

struct Arguments {
  std::string device, key, value;
  bool as_json = false;
};

std::string collection_path(const Kind& kind, const Arguments& arguments) {
  const std::string parent =
      arguments.device.empty() ? "/v1" : "/v1/Devices/" + Client::escape(arguments.device);
  return parent + kind.collection;
}

std::string item_path(const Kind& kind, const Arguments& arguments) {
  return collection_path(kind, arguments) + "/" + Client::escape(arguments.key);
}

void print_item(const Kind& kind, const json& item, bool as_json) {
  if (as_json) return print_line(item.dump(2));
  std::vector<std::pair<std::string, std::string>> fields{{"key", text_of(item, "key")}};
  if (item.contains("device_sid")) fields.emplace_back("device", text_of(item, "device_sid"));
  fields.emplace_back(kind.readable ? "updated" : "rotated", text_of(item, kind.date));
  if (kind.readable) fields.emplace_back("value", text_of(item, "value"));
  print_line(format_fields(fields));
}

/// As much of a value as fits a table: its first line, shortened between two characters.
std::string excerpt(std::string value) {
  constexpr std::size_t kBytes = 48;
  const std::size_t line_end = std::min(value.find_first_of("\r\n"), value.size());
  std::size_t end = std::min(line_end, kBytes);
  while (end > 0 && end < value.size() && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  if (end == value.size()) return value;
  return value.substr(0, end) + "...";
}

void list(const Kind& kind, Client& client, const Arguments& arguments) {
  const json items = client.get_all(collection_path(kind, arguments), kind.group);
  if (arguments.as_json) return print_line(items.dump(2));
  std::vector<std::string> headings{"KEY", kind.readable ? "UPDATED" : "ROTATED"};
  if (kind.readable) headings.emplace_back("VALUE");
  std::vector<std::vector<std::string>> rows;
  for (const json& item : items) {
    rows.push_back({text_of(item, "key"), text_of(item, kind.date)});
    if (kind.readable) rows.back().push_back(excerpt(text_of(item, "value")));
  }
  print_line(format_table(headings, rows));
}

void show(const Kind& kind, Client& client, const Arguments& arguments) {
  print_item(kind, client.get(item_path(kind, arguments)), arguments.as_json);
}

void set(const Kind& kind, Client& client, const Arguments& arguments) {
  const std::string value = read_value(arguments.value);
  const json item = store_value(client, collection_path(kind, arguments), arguments.key, value);
  if (arguments.as_json) return print_line(item.dump(2));
  note(std::string("set ") + kind.one + " " + arguments.key);
}

void remove(const Kind& kind, Client& client, const Arguments& arguments) {
  client.remove(item_path(kind, arguments));
  note(std::string("removed ") + kind.one + " " + arguments.key);
}

using Action = void (*)(const Kind&, Client&, const Arguments&);

/// A command of the group with what all of them have.
CLI::App* add_command(CLI::App& group, const Kind& kind, Context& context, const char* name,
                      const std::string& help, const std::shared_ptr<Arguments>& arguments, Action action) {
  CLI::App* command = group.add_subcommand(name, help);
  command->add_option("--device", arguments->device,
                      "SID or unique name: of this device alone; without it of all the account's devices");
  command->callback([arguments, &kind, action, &context] {
    Client client(find_credentials(context.profile));
    action(kind, client, *arguments);
  });
  return command;
}

void add_key(CLI::App& command, Arguments& arguments) {
  command.add_option("KEY", arguments.key, "1 to 100 printable ASCII characters")->required();
}

void add_json(CLI::App& command, Arguments& arguments) {
  command.add_flag("--json", arguments.as_json, "Print as JSON");
}

void add_group(CLI::App& program, Context& context, const Kind& kind, const char* help) {
  CLI::App* group = program.add_subcommand(kind.group, help);
  group->require_subcommand(1);
  const std::string one = kind.one;

  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      add_command(*group, kind, context, "set", "Store a " + one + ", new or anew", arguments, set);
  add_key(*command, *arguments);
  command
      ->add_option("VALUE", arguments->value,
                   kind.readable
                       ? "Up to 4096 characters; @FILE: from a file; -: from the standard input"
                       : "@FILE: from a file; -: from the standard input; up to 4096 characters. Given "
                         "as itself, other users of this machine may see it in the list of processes")
      ->required();
  add_json(*command, *arguments);

  arguments = std::make_shared<Arguments>();
  command =
      add_command(*group, kind, context, "list", std::string("List the ") + kind.group, arguments, list);
  add_json(*command, *arguments);

  arguments = std::make_shared<Arguments>();
  command = add_command(*group, kind, context, "show",
                        kind.readable ? "Show one config"
                                      : "Show when one secret was set; its value only "
                                        "devices get",
                        arguments, show);
  add_key(*command, *arguments);
  add_json(*command, *arguments);

  arguments = std::make_shared<Arguments>();
  command = add_command(*group, kind, context, "remove", "Remove a " + one, arguments, remove);
  add_key(*command, *arguments);
}

}  // namespace

void add_configs(CLI::App& program, Context& context) {
  add_group(program, context, kConfigs, "Texts that applications fetch, of the account or of one device");
  add_group(program, context, kSecrets, "The same, but what is stored can be read by devices alone");
}

}  // namespace microvisor::cli
