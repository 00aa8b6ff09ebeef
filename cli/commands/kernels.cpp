// microvisor kernels: releases of Microvisor itself, and which devices are to run them.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/releases.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/pkcs11_key.hpp"
#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cli {
namespace {

constexpr ReleaseKind kKernels{
    .many = "kernels",
    .one = "kernel",
    .name = "KERNEL",
    .name_help = "Hash or version",
    .file_help = "Bundle with the release (.zip)",
    .deploy_help = "Have a device, or all of them, run a release",
    .all_help = "All devices of the account",
};

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
  add_release_upload(*kernels, context, kKernels);
  add_release_list(*kernels, context, kKernels,
                   {{"VERSION", "version"},
                    {"NUMBER", "version_number"},
                    {"RATCHET", "security_ratchet"},
                    {"UPLOADED", "date_created"},
                    {"HASH", "hash"}});
  add_release_remove(*kernels, context, kKernels);
  add_release_deploy(*kernels, context, kKernels);
  add_trust(*kernels, context);
  add_distrust(*kernels, context);
}

}  // namespace microvisor::cli
