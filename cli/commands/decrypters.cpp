// microvisor decrypters: which devices can read encrypted layers.
//
// The private key to them is encrypted here, to one device after the other, and never leaves this machine in
// any other form.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bundle_view.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/device_certificate.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_changes.hpp"
#include "cli/key_pair.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/layer_encryption.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string which;                 // private key file, or key id
  std::vector<std::string> devices;  // none: all of the account
  std::string certificate;           // of the one device, instead of what the cloud says it is
  std::string key;
  bool as_json = false;
};

void print_decrypters(const json& answer, bool as_json) {
  if (as_json) return print_line(answer.dump(2));
  std::vector<std::vector<std::string>> rows;
  for (const json& device : answer.at("devices")) {
    std::string keys;
    for (const json& id : device.at("layer_keys")) keys += (keys.empty() ? "" : " ") + id.get<std::string>();
    rows.push_back({text_of(device, "sid"), text_of(device, "unique_name"), keys});
  }
  print_line(format_table({"DEVICE", "UNIQUE NAME", "KEYS"}, rows));
}

/// Those of the answer that are named, by SID or unique name; all of them if none is.
std::vector<json> selected(const json& answer, const std::vector<std::string>& names) {
  const json& all = answer.at("devices");
  if (names.empty()) return {all.begin(), all.end()};
  std::vector<json> devices;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const json& device) {
      return text_of(device, "sid") == name || text_of(device, "unique_name") == name;
    });
    if (found == all.end()) throw Failure("there is no device " + name);
    devices.push_back(*found);
  }
  return devices;
}

void hand_out(Client& client, const json& device, const protocol::WrappedLayerKey& wrapped,
              const Arguments& arguments, std::uint64_t& latest) {
  const std::string sid = text_of(device, "sid");
  if (arguments.key.empty()) {
    client.post_json("/api/devices/" + Client::escape(sid) + "/decrypters",
                     {{"wrapped_key", protocol::to_base64(protocol::write_wrapped_key(wrapped))}});
    return;
  }
  protocol::KeyChange change;
  change.device_sid = sid;
  change.add_layer_keys = {wrapped};
  publish_key_change(client, change, arguments.key, latest);
}

void add(Client& client, const Arguments& arguments) {
  const protocol::SigningKey layer_key = read_private_key(arguments.which);
  if (!arguments.certificate.empty() && arguments.devices.size() != 1)
    throw Failure("--certificate is of one device: name it with --device");
  const json answer = client.get("/api/decrypters");
  auto latest = answer.at("sequence").get<std::uint64_t>();
  json sent = json::array();
  for (const json& device : selected(answer, arguments.devices)) {
    const std::string sid = text_of(device, "sid");
    const protocol::PublicKey point = device_key_of(device, arguments.certificate);
    hand_out(client, device, protocol::wrap_layer_key(layer_key, point, sid), arguments, latest);
    sent.push_back({{"sid", sid}, {"device_key_id", key_id_text(protocol::device_key_id(point))}});
  }
  const std::string id = key_id_text(protocol::layer_key_id(layer_key.public_key()));
  if (arguments.as_json) return print_line(json{{"key_id", id}, {"devices", sent}}.dump(2));
  for (const json& each : sent)
    print_line(fmt::format("key {} is on its way to {}, encrypted to its key {}", id, text_of(each, "sid"),
                           text_of(each, "device_key_id")));
}

void remove_signed(Client& client, const Arguments& arguments, std::uint64_t id) {
  const json answer = client.get("/api/decrypters");
  auto latest = answer.at("sequence").get<std::uint64_t>();
  protocol::KeyChange change;
  change.remove_layer_keys = {id};
  if (arguments.devices.empty()) {
    publish_key_change(client, change, arguments.key, latest);
    return;
  }
  for (const json& device : selected(answer, arguments.devices)) {
    change.device_sid = text_of(device, "sid");
    publish_key_change(client, change, arguments.key, latest);
  }
}

void remove(Client& client, const Arguments& arguments) {
  const std::uint64_t id = key_id_argument(arguments.which);
  if (!arguments.key.empty()) {
    remove_signed(client, arguments, id);
  } else if (arguments.devices.empty()) {
    client.remove("/api/decrypters/" + key_id_text(id));
  } else {
    for (const std::string& device : arguments.devices)
      client.remove("/api/devices/" + Client::escape(device) + "/decrypters/" + key_id_text(id));
  }
  if (!arguments.as_json) return print_line("key " + key_id_text(id) + " is being taken away");
  print_line(json{{"key_id", key_id_text(id)}}.dump(2));
}

using Action = void (*)(Client&, const Arguments&);

CLI::App* add_change(CLI::App& group, Context& context, const char* name, const char* help,
                     const std::shared_ptr<Arguments>& arguments, Action action) {
  CLI::App* command = group.add_subcommand(name, help);
  command->add_option("--device", arguments->devices,
                      "SID or unique name; may come several times. All of the account if absent");
  add_signing_key_option(*command, arguments->key);
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, action, &context] {
    Client client(find_credentials(context.profile));
    action(client, *arguments);
  });
  return command;
}

void add_layer_keypair(CLI::App& group) {
  auto files = std::make_shared<KeyPairFiles>(KeyPairFiles{"layer_private.pem", "layer_public.pem"});
  CLI::App* command =
      group.add_subcommand("keypair", "Make a pair of keys to encrypt layers with (P-256, PEM)");
  command->add_option("--privkey", files->private_file, "Private key to write")->capture_default_str();
  command->add_option("--pubkey", files->public_file, "Public key to write")->capture_default_str();
  add_force_option(*command, *files);
  command->callback([files] {
    const auto key = write_key_pair(*files);
    print_line(fmt::format(
        "{}: for 'apps bundle --encrypt-for'\n{}: for 'decrypters add'; keep it to yourself; key {}",
        files->public_file, files->private_file, key_id_text(protocol::layer_key_id(key))));
  });
}

}  // namespace

void add_decrypters(CLI::App& program, Context& context) {
  CLI::App* group = program.add_subcommand("decrypters", "Which devices can read encrypted layers");
  group->require_subcommand(1);
  add_layer_keypair(*group);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* list = group->add_subcommand("list", "List the keys that devices have told they have");
  list->add_flag("--json", *as_json, "Print as JSON");
  list->callback([as_json, &context] {
    print_decrypters(Client(find_credentials(context.profile)).get("/api/decrypters"), *as_json);
  });
  auto added = std::make_shared<Arguments>();
  CLI::App* adding = add_change(*group, context, "add",
                                "Hand a key out to devices, to each encrypted to its own key", added, add);
  adding->add_option("PRIVATE_KEY", added->which, "P-256 private key (PEM); it stays on this machine")
      ->required();
  adding->add_option("--certificate", added->certificate,
                     "Certificate (PEM) of the device, instead of what the cloud says it is");
  auto removed = std::make_shared<Arguments>();
  CLI::App* removing = add_change(*group, context, "remove", "Take a key away from devices", removed, remove);
  removing->add_option("KEY_ID", removed->which, "16 hex digits")->required();
}

}  // namespace microvisor::cli
