// microvisor bundle: bundles signed and looked at on this machine, without any cloud.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bundle_view.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_pair.hpp"
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

protocol::Bundle read_bundle_file(const std::string& file) {
  auto bundle = protocol::read_bundle(read_file(file));
  if (!bundle) throw Failure(file + ": " + bundle.error().message);
  return std::move(*bundle);
}

struct SignArguments {
  std::string input, output, key;
  bool force = false, as_json = false;
};

void sign(const SignArguments& arguments) {
  protocol::Bundle bundle = read_bundle_file(arguments.input);
  if (bundle.info.signer_id != 0 && !arguments.force) {
    throw Failure(fmt::format("{}: is signed by {} already (--force signs it anew)", arguments.input,
                              key_id_text(bundle.info.signer_id)));
  }
  auto result = protocol::sign_bundle(std::move(bundle), *open_signing_key(arguments.key));
  if (!result) throw Failure(arguments.input + ": " + result.error().message);
  write_file(arguments.output, protocol::write_bundle(*result));
  const json summary = describe_bundle(*result);
  print_line(arguments.as_json ? summary.dump(2)
                               : fmt::format("{}: signed by {}, {}", arguments.output,
                                             text_of(summary, "signer_id"), text_of(summary, "hash")));
}

void add_sign(CLI::App& group) {
  auto arguments = std::make_shared<SignArguments>();
  CLI::App* command = group.add_subcommand("sign", "Sign a bundle with your own key");
  command->add_option("INPUT", arguments->input, "Bundle to sign")->required();
  command->add_option("OUTPUT", arguments->output, "Signed bundle to write (may be INPUT)")->required();
  command
      ->add_option(
          "-k,--key", arguments->key,
          "Private key: a PEM file, or a PKCS #11 URI such as "
          "'pkcs11:token=owner;object=signing?module-path=/usr/lib/softhsm/libsofthsm2.so', whose PIN "
          "is in MICROVISOR_PKCS11_PIN, pin-source or pin-value")
      ->required();
  command->add_flag("--force", arguments->force, "Also if it is signed already");
  command->add_flag("--json", arguments->as_json, "Print the manifest's contents as JSON");
  command->callback([arguments] { sign(*arguments); });
}

void show(const std::string& file, bool as_json) {
  const protocol::Bundle bundle = read_bundle_file(file);
  const json summary = describe_bundle(bundle);
  if (as_json) return print_line(summary.dump(2));
  std::vector<std::pair<std::string, std::string>> fields = {
      {"hash", text_of(summary, "hash")},
      {"signed by", bundle.info.signer_id == 0 ? "nobody" : text_of(summary, "signer_id")}};
  for (const json& layer : summary.at("layers")) {
    fields.emplace_back(
        "layer",
        fmt::format("{} {:#x}+{:#x}{}, sha256:{}", text_of(layer, "region"),
                    layer.at("start").get<std::uint32_t>(), layer.at("size").get<std::uint32_t>(),
                    layer.at("encrypted_with").is_null() ? "" : ", encrypted", text_of(layer, "fetch_hash")));
  }
  for (const auto& [name, value] : summary.at("policy").items()) {
    if (value != 0 && value != false) fields.emplace_back(name, value.is_boolean() ? "yes" : value.dump());
  }
  print_line(format_fields(fields));
}

void add_show(CLI::App& group) {
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = group.add_subcommand("show", "Check a bundle and show what is in it");
  command->add_option("FILE", *file, "Bundle")->required();
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([file, as_json] { show(*file, *as_json); });
}

void add_keypair(CLI::App& group) {
  auto files = std::make_shared<KeyPairFiles>(KeyPairFiles{"signing_private.pem", "signing_public.pem"});
  CLI::App* command =
      group.add_subcommand("keypair", "Make a pair of keys to sign bundles with (P-256, PEM)");
  command->add_option("--privkey", files->private_file, "Private key to write")->capture_default_str();
  command->add_option("--pubkey", files->public_file, "Public key to write")->capture_default_str();
  add_force_option(*command, *files);
  command->callback([files] {
    const auto key = write_key_pair(*files);
    print_line(fmt::format("{}: for 'bundle sign --key'; keep it to yourself\n{}: key {}",
                           files->private_file, files->public_file, key_id_text(protocol::signer_id(key))));
  });
}

}  // namespace

void add_bundle_tools(CLI::App& program) {
  CLI::App* group = program.add_subcommand("bundle", "Sign bundles and look into them, without the cloud");
  group->require_subcommand(1);
  add_sign(*group);
  add_show(*group);
  add_keypair(*group);
}

}  // namespace microvisor::cli
