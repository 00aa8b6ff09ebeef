// microvisor apps: bundles made on this machine, and the applications that the cloud holds.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bundle_view.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_pair.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/layer_encryption.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct BundleArguments {
  std::string input, output, debug_key, crash_key, layer_key;
  std::vector<std::string> external;
  protocol::BundleOptions options;
  bool as_json = false;
};

/// OFFSET=FILE, the offset decimal or hexadecimal.
protocol::ExternalImage read_external(const std::string& argument) {
  const auto separator = argument.find('=');
  std::size_t used = 0;
  unsigned long long start = 0;
  try {
    start = std::stoull(argument, &used, 0);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != separator) throw Failure(argument + ": --external-flash takes OFFSET=FILE");
  if (start >= protocol::kExternalFlashBytes || start % protocol::kExternalSectorBytes != 0)
    throw Failure(argument + ": the offset has to be a multiple of 4096 below 60 MiB");
  const std::string file = argument.substr(separator + 1);
  protocol::ExternalImage image{static_cast<std::uint32_t>(start), read_file(file)};
  if (image.bytes.empty()) throw Failure(file + ": is empty");
  return image;
}

protocol::Bundle encrypted(const protocol::Bundle& bundle, const std::string& key_file) {
  auto result = protocol::encrypt_bundle(bundle, read_public_key(key_file));
  if (!result) throw Failure(result.error().message);
  return std::move(*result);
}

void bundle_command(BundleArguments& arguments) {
  if (!arguments.debug_key.empty()) arguments.options.debug_key = read_public_key(arguments.debug_key);
  if (!arguments.crash_key.empty()) arguments.options.crash_key = read_public_key(arguments.crash_key);
  if (arguments.options.maximum_restart_ms != 0 &&
      arguments.options.maximum_restart_ms < arguments.options.minimum_restart_ms) {
    throw Failure("--maximum-restart-time is below --minimum-restart-time");
  }
  std::vector<protocol::ExternalImage> external;
  for (const std::string& argument : arguments.external) external.push_back(read_external(argument));
  protocol::Bundle bundle = load_application(arguments.input, arguments.options, external);
  if (!arguments.layer_key.empty()) bundle = encrypted(bundle, arguments.layer_key);
  const protocol::Bytes zip = protocol::write_bundle(bundle);
  write_file(arguments.output, zip);
  const json summary = describe_bundle(bundle);
  print_line(arguments.as_json
                 ? summary.dump(2)
                 : fmt::format("{}: {} bytes, {}", arguments.output, zip.size(), text_of(summary, "hash")));
}

void add_bundle(CLI::App& apps) {
  auto arguments = std::make_shared<BundleArguments>();
  CLI::App* command =
      apps.add_subcommand("bundle", "Make an unsigned bundle from an ELF file or a flash image");
  command->add_option("INPUT", arguments->input, "ELF file, or raw image (.bin) for 0x08000000")->required();
  command->add_option("OUTPUT", arguments->output, "Bundle to write (.zip)")->required();
  command->add_option("-k,--debug-auth-pubkey", arguments->debug_key,
                      "P-256 public key (PEM) that may debug the application");
  command->add_option("--external-flash", arguments->external,
                      "OFFSET=FILE: what the application is to find in its external flash from there on, for "
                      "example a file system; may come several times");
  command->add_option("--minimum-kernel-version", arguments->options.minimum_kernel_version);
  command->add_option("--connection-grace-time", arguments->options.connection_grace_seconds, "Seconds");
  command->add_option("--minimum-check-in-time", arguments->options.minimum_check_in_seconds,
                      "Seconds; 0 stays connected");
  command->add_option("--maximum-politeness-time", arguments->options.maximum_politeness_seconds, "Seconds");
  command->add_option("--only-device", arguments->options.device_sid,
                      "SID of the one device that may run it");
  command->add_flag("--compatibility-mode", arguments->options.compatibility_mode,
                    "For applications that switch tasks at interrupt priorities more urgent than 0xE0");
  command->add_option(
      "--crash-report-pubkey", arguments->crash_key,
      "P-256 public key (PEM) that crash reports are encrypted to (see 'apps crash-keypair')");
  command->add_option(
      "--encrypt-for", arguments->layer_key,
      "P-256 public key (PEM); only devices with the private one can read the layers (see 'decrypters')");
  command->add_option("--crash-stack-bytes", arguments->options.crash_stack_bytes,
                      "Bytes of the stack in a crash report, at most 7168");
  command->add_option("--minimum-restart-time", arguments->options.minimum_restart_ms,
                      "Milliseconds before a crashed application is started again; doubles with each crash");
  command->add_option("--maximum-restart-time", arguments->options.maximum_restart_ms,
                      "Milliseconds that this does not go beyond");
  command->add_flag("--json", arguments->as_json, "Print the manifest's contents as JSON");
  command->callback([arguments] { bundle_command(*arguments); });
}

void add_debug_keypair(CLI::App& apps) {
  auto files =
      std::make_shared<KeyPairFiles>(KeyPairFiles{"debug_auth_prv_key.pem", "debug_auth_pub_key.pem"});
  CLI::App* command = apps.add_subcommand("debug-keypair", "Make a pair of keys for debugging (P-256, PEM)");
  command->add_option("--debug-auth-privkey", files->private_file, "Private key to write")
      ->capture_default_str();
  command->add_option("--debug-auth-pubkey", files->public_file, "Public key to write")
      ->capture_default_str();
  add_force_option(*command, *files);
  command->callback([files] {
    write_key_pair(*files);
    print_line(fmt::format("{}: for 'apps bundle --debug-auth-pubkey'\n{}: for 'debug'; keep it to yourself",
                           files->public_file, files->private_file));
  });
}

void add_crash_keypair(CLI::App& apps) {
  auto files = std::make_shared<KeyPairFiles>(KeyPairFiles{"crash_private.pem", "crash_public.pem"});
  CLI::App* command =
      apps.add_subcommand("crash-keypair", "Make a pair of keys for crash reports (P-256, PEM)");
  command->add_option("--crash-privkey", files->private_file, "Private key to write")->capture_default_str();
  command->add_option("--crash-pubkey", files->public_file, "Public key to write")->capture_default_str();
  add_force_option(*command, *files);
  command->callback([files] {
    write_key_pair(*files);
    print_line(fmt::format(
        "{}: for 'apps bundle --crash-report-pubkey'\n{}: for 'devices crashes --key'; keep it to "
        "yourself",
        files->public_file, files->private_file));
  });
}

struct CreateArguments {
  std::string input, unique_name;
  bool as_json = false;
};

void add_create(CLI::App& apps, Context& context) {
  auto arguments = std::make_shared<CreateArguments>();
  CLI::App* command = apps.add_subcommand("create", "Upload a bundle (or an ELF file, bundled on the way)");
  command->add_option("FILE", arguments->input, "Bundle or ELF file")->required();
  command->add_option("UNIQUE_NAME", arguments->unique_name, "Name for the new application");
  command->add_flag("--json", arguments->as_json, "Print the application as JSON");
  command->callback([arguments, &context] {
    Client client(find_credentials(context.profile));
    const json app = upload_application(client, load_application(arguments->input), arguments->unique_name);
    print_line(arguments->as_json ? app.dump(2) : text_of(app, "sid"));
  });
}

void add_list(CLI::App& apps, Context& context) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = apps.add_subcommand("list", "List the account's applications");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, &context] {
    const json list = Client(find_credentials(context.profile)).get_all("/v1/Apps", "apps");
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::vector<std::string>> rows;
    for (const auto& app : list) {
      rows.push_back({text_of(app, "sid"), text_of(app, "unique_name"), text_of(app, "date_created"),
                      text_of(app, "hash")});
    }
    print_line(format_table({"SID", "UNIQUE NAME", "CREATED", "HASH"}, rows));
  });
}

void add_show(CLI::App& apps, Context& context) {
  auto name = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = apps.add_subcommand("show", "Show one application");
  command->add_option("APP", *name, "SID or unique name")->required();
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([name, as_json, &context] {
    const json app = Client(find_credentials(context.profile)).get("/v1/Apps/" + Client::escape(*name));
    if (*as_json) return print_line(app.dump(2));
    print_line(format_fields({{"sid", text_of(app, "sid")},
                              {"unique name", text_of(app, "unique_name")},
                              {"hash", text_of(app, "hash")},
                              {"created", text_of(app, "date_created")}}));
  });
}

void add_remove(CLI::App& apps, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = apps.add_subcommand("remove", "Delete an application from the cloud");
  command->add_option("APP", *name, "SID or unique name")->required();
  command->callback([name, &context] {
    Client(find_credentials(context.profile)).remove("/v1/Apps/" + Client::escape(*name));
    note("removed " + *name);
  });
}

}  // namespace

void add_apps(CLI::App& program, Context& context) {
  CLI::App* apps = program.add_subcommand("apps", "Bundle, upload, list and remove applications");
  apps->require_subcommand(1);
  add_bundle(*apps);
  add_crash_keypair(*apps);
  add_debug_keypair(*apps);
  add_create(*apps, context);
  add_list(*apps, context);
  add_show(*apps, context);
  add_remove(*apps, context);
}

}  // namespace microvisor::cli
