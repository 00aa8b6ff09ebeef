// microvisor devices claim, transfer, decommission: who has a device, and who gets it next
// (docs/ownership.md).
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/key_changes.hpp"
#include "cli/label.hpp"
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"
#include "protocol/bundle/key_change.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string device, code, key;
  bool erase = false, withdraw = false, as_json = false;
};

std::string transfer_path(const Arguments& arguments) {
  return "/api/devices/" + Client::escape(arguments.device) + "/transfer";
}

void print_state(const json& answer, bool as_json) {
  if (as_json) return print_line(answer.dump());
  print_line(text_of(answer, "sid") + " " + text_of(answer, "state"));
  const std::string state = text_of(answer, "state");
  if (state == "pending") note("the device moves as soon as it has taken the change of keys");
  if (state == "awaiting_signature") note("the owner signs with 'devices transfer DEVICE --key KEY'");
}

void claim(Client& client, const Arguments& arguments) {
  Label label = read_label(arguments.device);
  if (!arguments.code.empty()) label.claim_code = arguments.code;
  if (label.claim_code.empty()) {
    return print_state(client.get("/api/claims/" + Client::escape(label.sid)), arguments.as_json);
  }
  print_state(client.post_json("/api/claims", {{"sid", label.sid}, {"code", label.claim_code}}),
              arguments.as_json);
}

protocol::KeyChange change_of(const json& view, const std::string& sid) {
  protocol::KeyChange change;
  change.sequence = view.at("sequence").get<std::uint64_t>();
  change.device_sid = sid;
  change.erase = view.at("erase").get<bool>();
  for (const json& id : view.at("remove"))
    change.remove_signers.push_back(key_id_argument(id.get<std::string>()));
  for (const json& id : view.at("remove_layer_keys"))
    change.remove_layer_keys.push_back(key_id_argument(id.get<std::string>()));
  for (const json& pem : view.at("add")) {
    const auto key = protocol::public_key_from_pem(pem.get<std::string>());
    if (!key) throw Failure("the cloud's key of the receiver: " + key.error().message);
    change.add_signers.push_back(*key);
  }
  return change;
}

/// The owner's own signature on a transfer that somebody has accepted, or on the device's way back to its
/// maker.
void sign(Client& client, const Arguments& arguments) {
  const std::string path = transfer_path(arguments);
  const json state = client.get(path);
  if (text_of(state, "state") != "awaiting_signature")
    throw Failure("nothing waits for a signature: the transfer is in state " + text_of(state, "state"));
  const auto change = change_of(state.at("key_change"), text_of(state, "sid"));
  const auto message = protocol::sign_key_change(change, *open_signing_key(arguments.key));
  print_state(client.post_json(path + "/signature", {{"new_keys", protocol::to_base64(message)}}),
              arguments.as_json);
}

void transfer(Client& client, const Arguments& arguments) {
  if (!arguments.key.empty()) return sign(client, arguments);
  if (arguments.withdraw) {
    client.remove(transfer_path(arguments));
    return print_state(client.get(transfer_path(arguments)), arguments.as_json);
  }
  const json offer =
      client.post_json(transfer_path(arguments), {{"erase", arguments.erase ? "true" : "false"}});
  if (arguments.as_json) return print_line(offer.dump());
  print_line(format_fields({{"sid", text_of(offer, "sid")},
                            {"code", text_of(offer, "code")},
                            {"expires", text_of(offer, "expires")}}));
  note("whoever is to have the device says 'devices claim SID --code CODE'");
}

void decommission(Client& client, const Arguments& arguments) {
  const json answer =
      client.post_json("/api/devices/" + Client::escape(arguments.device) + "/decommission", json::object());
  if (!arguments.key.empty() && text_of(answer, "state") == "awaiting_signature")
    return sign(client, arguments);
  print_state(answer, arguments.as_json);
}

using Action = void (*)(Client&, const Arguments&);

CLI::App* add_action(CLI::App& devices, Context& context, const char* name, const char* help,
                     const char* which, const std::shared_ptr<Arguments>& arguments, Action action) {
  CLI::App* command = devices.add_subcommand(name, help);
  command->add_option("DEVICE", arguments->device, which)->required();
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, action, &context] {
    Client client(find_credentials(context.profile));
    action(client, *arguments);
  });
  return command;
}

}  // namespace

void add_device_custody(CLI::App& devices, Context& context) {
  constexpr const char* kKeyHelp =
      "Sign with this key (PEM file or PKCS #11 URI): the owner's, not the cloud's";
  auto claimed = std::make_shared<Arguments>();
  add_action(devices, context, "claim", "Claim a device with the code on its label or from its owner",
             "SID, or the text of its label's QR code", claimed, claim)
      ->add_option("--code", claimed->code, "The code; without one, show how an earlier claim stands");
  auto given = std::make_shared<Arguments>();
  CLI::App* command = add_action(devices, context, "transfer", "Offer a device to another account",
                                 "SID or unique name", given, transfer);
  command->add_flag("--erase", given->erase, "It forgets application and data before");
  command->add_flag("--withdraw", given->withdraw, "Take an offer back that nobody has accepted");
  command->add_option("-k,--key", given->key, kKeyHelp);
  auto returned = std::make_shared<Arguments>();
  add_action(devices, context, "decommission",
             "Have a device forget application, data and keys, and give it back to its maker",
             "SID or unique name", returned, decommission)
      ->add_option("-k,--key", returned->key, kKeyHelp);
}

}  // namespace microvisor::cli
