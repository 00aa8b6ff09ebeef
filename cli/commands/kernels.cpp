// microvisor kernels: releases of Microvisor itself, and which devices are to run them.
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
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"
#include "cli/progress.hpp"
#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

void add_upload(CLI::App& kernels, Context& context) {
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = kernels.add_subcommand("upload", "Upload a release, as its vendor has signed it");
  command->add_option("FILE", *file, "Bundle with the release (.zip)")->required();
  command->add_flag("--json", *as_json, "Print the release as JSON");
  command->callback([file, as_json, &context] {
    const protocol::Bytes bytes = read_file(*file);
    Client client(find_credentials(context.profile));
    Progress progress("uploading");
    const json kernel =
        client.upload("/api/kernels", std::string(protocol::as_text(bytes)), "",
                      [&](std::size_t done, std::size_t total) { progress.update(done, total); });
    print_line(*as_json ? kernel.dump(2) : text_of(kernel, "hash"));
  });
}

struct EncryptArguments {
  std::string input, output, layer_key, vendor_key;
};

void encrypt(const EncryptArguments& arguments) {
  const auto release = protocol::read_kernel_bundle(read_file(arguments.input));
  if (!release) throw Failure(arguments.input + ": " + release.error().message);
  const auto encrypted = protocol::encrypt_kernel_bundle(*release, read_public_key(arguments.layer_key),
                                                         *open_signing_key(arguments.vendor_key));
  if (!encrypted) throw Failure(arguments.input + ": " + encrypted.error().message);
  write_file(arguments.output, protocol::write_kernel_bundle(*encrypted));
  print_line(fmt::format("{}: version {}, {} layers encrypted", arguments.output, encrypted->info.version,
                         encrypted->layers.size()));
}

void add_encrypt(CLI::App& kernels) {
  auto arguments = std::make_shared<EncryptArguments>();
  CLI::App* command =
      kernels.add_subcommand("encrypt", "Encrypt the layers of a release, which its vendor then signs anew");
  command->add_option("INPUT", arguments->input, "Bundle with the release (.zip)")->required();
  command->add_option("OUTPUT", arguments->output, "Encrypted release to write (may be INPUT)")->required();
  command
      ->add_option("--for", arguments->layer_key,
                   "P-256 public key (PEM) that the layers are encrypted to (see 'decrypters keypair')")
      ->required();
  command->add_option("-k,--key", arguments->vendor_key, "The vendor's private key: PEM file or PKCS #11 URI")
      ->required();
  command->callback([arguments] { encrypt(*arguments); });
}

void add_list(CLI::App& kernels, Context& context) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = kernels.add_subcommand("list", "List the releases that the cloud has");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, &context] {
    const json list = Client(find_credentials(context.profile)).get("/api/kernels").at("kernels");
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::vector<std::string>> rows;
    for (const auto& kernel : list) {
      rows.push_back({text_of(kernel, "version"), text_of(kernel, "version_number"),
                      text_of(kernel, "security_ratchet"), text_of(kernel, "date_created"),
                      text_of(kernel, "hash")});
    }
    print_line(format_table({"VERSION", "NUMBER", "RATCHET", "UPLOADED", "HASH"}, rows));
  });
}

void add_remove(CLI::App& kernels, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = kernels.add_subcommand("remove", "Delete a release from the cloud");
  command->add_option("KERNEL", *name, "Hash or version")->required();
  command->callback([name, &context] {
    Client(find_credentials(context.profile)).remove("/api/kernels/" + Client::escape(*name));
    note("removed " + *name);
  });
}

struct DeployArguments {
  std::string kernel, device;
  bool all = false;
};

void deploy(Client& client, const DeployArguments& arguments) {
  if (arguments.all == !arguments.device.empty()) throw Failure("name a device, or all of them by --all");
  if (arguments.all) {
    const json answer =
        client.post_json("/api/kernels/" + Client::escape(arguments.kernel) + "/deploy", json::object());
    return note("named to " + text_of(answer, "devices") + " devices");
  }
  client.post_json("/api/devices/" + Client::escape(arguments.device) + "/kernel",
                   {{"target", arguments.kernel}});
  note("named to " + arguments.device + "; 'devices show' tells how it goes");
}

void add_deploy_kernel(CLI::App& kernels, Context& context) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = kernels.add_subcommand("deploy", "Have a device, or all of them, run a release");
  command->add_option("KERNEL", arguments->kernel, "Hash or version")->required();
  command->add_option("DEVICE", arguments->device, "SID or unique name");
  command->add_flag("--all", arguments->all, "All devices of the account");
  command->callback([arguments, &context] {
    Client client(find_credentials(context.profile));
    deploy(client, *arguments);
  });
}

void add_trust(CLI::App& kernels, Context& context) {
  auto digest = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  CLI::App* command = kernels.add_subcommand(
      "trust", "Trust a measurement that devices attest to, beside those of the releases");
  command->add_option("SHA256", *digest, "As 'devices attestation' shows it")->required();
  command->add_option("--name", *name, "What to call it")->required();
  command->callback([digest, name, &context] {
    Client client(find_credentials(context.profile));
    client.post_json("/api/measurements", {{"sha256", *digest}, {"name", *name}});
    note("trusted as " + *name);
  });
}

void add_distrust(CLI::App& kernels, Context& context) {
  auto digest = std::make_shared<std::string>();
  CLI::App* command = kernels.add_subcommand("distrust", "Trust a measurement no more");
  command->add_option("SHA256", *digest, "As 'kernels trust' was given it")->required();
  command->callback([digest, &context] {
    Client(find_credentials(context.profile)).remove("/api/measurements/" + Client::escape(*digest));
    note("not trusted any more");
  });
}

}  // namespace

void add_kernels(CLI::App& program, Context& context) {
  CLI::App* kernels = program.add_subcommand("kernels", "Update Microvisor itself on devices");
  kernels->require_subcommand(1);
  add_encrypt(*kernels);
  add_upload(*kernels, context);
  add_list(*kernels, context);
  add_remove(*kernels, context);
  add_deploy_kernel(*kernels, context);
  add_trust(*kernels, context);
  add_distrust(*kernels, context);
}

}  // namespace microvisor::cli
