// microvisor deploy: from a project, or from what has been built of it, to a device that runs it; then its
// log, or GDB on it.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/child_process.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/debug/device_service.hpp"
#include "cli/deployment.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/key_pair.hpp"
#include "cli/log_stream.hpp"
#include "cli/output.hpp"
#include "cli/project.hpp"
#include "protocol/bundle/elf.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;

struct DeployArguments {
  std::string application, device, unique_name;
  bool wait = false;
  bool delta = true;
  BuildOptions build;
  bool build_only = false, deploy_only = false;
  bool log = false, log_only = false;
  std::string log_format = "text";
  bool make_keys = false;
  std::string private_key, public_key;
  bool debug = false;
  std::string listen = "0", gdb = "gdb-multiarch";
  std::vector<std::string> gdb_arguments;
};

/// What is deployed, and what was found out about it on the way.
struct Prepared {
  std::string app_sid;  ///< an application that has been uploaded; else
  protocol::Bundle bundle;
  fs::path elf;  ///< empty: not known
  fs::path private_key;
};

bool keep_going() { return !InterruptGuard::requested(); }

bool is_app_sid(const std::string& text) { return std::regex_match(text, std::regex("KA[0-9a-fA-F]{32}")); }

/// A folder gets the usual name appended; nothing at all is `folder`.
fs::path key_file(const std::string& named, const fs::path& folder, const char* name) {
  const fs::path file = named.empty() ? folder : fs::path(named);
  return fs::is_directory(file) ? file / name : file;
}

/// The pair of keys for debugging, made if it is wanted and not there yet. The public half.
protocol::PublicKey debug_key(const DeployArguments& arguments, const fs::path& folder, Prepared& prepared) {
  const KeyPairFiles files{key_file(arguments.private_key, folder, "debug_auth_prv_key.pem"),
                           key_file(arguments.public_key, folder, "debug_auth_pub_key.pem")};
  prepared.private_key = files.private_file;
  if (fs::exists(files.public_file) || (arguments.public_key.empty() && fs::exists(files.private_file)))
    return read_public_key(files.public_file);
  note("making " + files.private_file + " and " + files.public_file);
  return write_key_pair(files);
}

bool wants_key(const DeployArguments& arguments) {
  return arguments.debug || arguments.make_keys || !arguments.public_key.empty();
}

/// An ELF file becomes a bundle beside it.
void bundle_elf(const DeployArguments& arguments, const fs::path& keys, Prepared& prepared) {
  protocol::BundleOptions options;
  if (wants_key(arguments)) options.debug_key = debug_key(arguments, keys, prepared);
  prepared.bundle = load_application(prepared.elf, options);
  const fs::path file = fs::path(prepared.elf).replace_extension(".zip");
  note("bundling " + file.string());
  write_file(file, protocol::write_bundle(prepared.bundle));
}

bool is_elf(const fs::path& file) { return protocol::looks_like_elf(read_file(file)); }

Prepared prepare(const DeployArguments& arguments) {
  Prepared prepared;
  const fs::path what = arguments.application;
  prepared.private_key = arguments.private_key;
  if (is_app_sid(arguments.application)) {
    prepared.app_sid = arguments.application;
  } else if (fs::is_directory(what)) {
    prepared.elf = arguments.deploy_only ? built_application(what, arguments.build.application)
                                         : build_project(what, arguments.build);
    bundle_elf(arguments, build_folder_of(what), prepared);
  } else if (wants_key(arguments) && is_elf(what)) {
    prepared.elf = what;
    bundle_elf(arguments, fs::absolute(what).parent_path(), prepared);
  } else {
    prepared.bundle = load_application(what);
  }
  return prepared;
}

void check(const DeployArguments& arguments) {
  if (arguments.device.empty() && !arguments.build_only) throw Failure("--device names the device");
  if (arguments.log_only) return;
  if (arguments.application.empty())
    throw Failure("what is to be deployed? A folder, a file, or the SID of an application");
  const bool project = fs::is_directory(arguments.application);
  if (!project && (arguments.build_only || arguments.deploy_only || arguments.build.clean ||
                   !arguments.build.application.empty()))
    throw Failure(arguments.application + " is no folder of a project, so there is nothing to build");
  const bool has_key = fs::exists(arguments.application) || !arguments.private_key.empty();
  if (arguments.debug && !has_key)
    throw Failure("an application that has been uploaded takes --privatekey to be debugged");
  if (!arguments.debug && !arguments.gdb_arguments.empty()) throw Failure("arguments of GDB without --debug");
}

void send(Client& client, const DeployArguments& arguments, Prepared& prepared) {
  if (prepared.app_sid.empty()) {
    note("uploading " + arguments.application);
    prepared.app_sid = text_of(upload_application(client, prepared.bundle, arguments.unique_name), "sid");
  }
  note("assigning app " + prepared.app_sid + " to device " + arguments.device);
  set_update_travel(client, arguments.device, arguments.delta);
  set_target(client, arguments.device, prepared.app_sid);
  if (!arguments.wait && !arguments.debug) return;
  const std::size_t sent = wait_for_deployment(client, arguments.device, keep_going);
  note("device " + arguments.device + " runs " + prepared.app_sid + "; " + std::to_string(sent) +
       " bytes were sent for it");
}

std::vector<std::string> gdb_words(const DeployArguments& arguments, const Prepared& prepared,
                                   const std::string& address) {
  // A .gdbinit of the project's would connect to where it thinks that the server is.
  std::vector<std::string> words{arguments.gdb, "-q",
                                 "-iex",        "set auto-load local-gdbinit off",
                                 "-ex",         "set remotetimeout 20",
                                 "-ex",         "target remote " + address};
  if (!prepared.elf.empty()) words.push_back(prepared.elf);
  words.insert(words.end(), arguments.gdb_arguments.begin(), arguments.gdb_arguments.end());
  return words;
}

/// Ctrl-C is for GDB while there is one; what ends this command is GDB's end.
void debug_it(const DeployArguments& arguments, const Prepared& prepared, const Context& context) {
  debug::DeviceService service(find_credentials(context.profile), {.device = arguments.device,
                                                                   .key = prepared.private_key,
                                                                   .certificate = {},
                                                                   .listen = arguments.listen});
  note("GDB server listening on " + service.address());
  std::signal(SIGINT, SIG_IGN);
  ChildProcess gdb(gdb_words(arguments, prepared, service.address()));
  service.serve(false, [&] { return keep_going() && !gdb.status(); });
  if (gdb.wait() != 0) throw ExitStatus{1};
}

void deploy(const DeployArguments& arguments, const Context& context) {
  const InterruptGuard interrupt;
  check(arguments);
  const bool as_json = arguments.log_format == "json";
  if (arguments.log_only) {
    Client client(find_credentials(context.profile));
    return follow_log(client, arguments.device, as_json, keep_going);
  }
  Prepared prepared = prepare(arguments);
  if (arguments.build_only) return;
  Client client(find_credentials(context.profile));
  send(client, arguments, prepared);
  if (arguments.debug) return debug_it(arguments, prepared, context);
  if (wants_key(arguments))
    note("debug it: microvisor debug " + arguments.device + " " + prepared.private_key.string());
  if (arguments.log) follow_log(client, arguments.device, as_json, keep_going);
}

void add_build_options(CLI::App& command, DeployArguments& arguments) {
  command.add_option("--application", arguments.build.application, "Which executable of the project's");
  command.add_flag("-b,--build", arguments.build_only, "Build and bundle the project, and no more");
  command.add_flag("-d,--deploy", arguments.deploy_only, "Deploy what has been built, without building");
  command.add_flag("--clean", arguments.build.clean, "Empty the project's build folder first");
}

void add_debug_options(CLI::App& command, DeployArguments& arguments) {
  command.add_flag(
      "--genkeys", arguments.make_keys,
      "Let the application be debugged: with the pair of keys in the build folder, or beside the ELF "
      "file, which is made if it is not there");
  command.add_option("--privatekey", arguments.private_key,
                     "Private key (PEM) for debugging; in a folder, by its usual name");
  command.add_option("--publickey", arguments.public_key,
                     "Public key (PEM) that goes into the bundle; likewise");
  command.add_flag("--debug", arguments.debug, "The same, and when the device runs it, start GDB on it");
  command.add_option("--listen", arguments.listen, "With --debug: [ADDRESS:]PORT for GDB; 0 picks one")
      ->capture_default_str();
  command.add_option("--gdb", arguments.gdb, "With --debug: the GDB to start")->capture_default_str();
  command.add_option("GDB_ARGUMENTS", arguments.gdb_arguments, "Behind --: what GDB gets beside");
}

}  // namespace

void add_deploy(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = program.add_subcommand("deploy", "Build, upload and assign an application to a device");
  command->add_option("APPLICATION", arguments->application,
                      "Folder of a CMake project, ELF file, bundle, or the SID of an uploaded application");
  command->add_option("--device,--devicesid,--device-sid", arguments->device, "Device SID or unique name");
  command->add_option("--unique-name", arguments->unique_name, "Unique name for the new application");
  command->add_flag(
      "--delta,!--no-delta", arguments->delta,
      "Updates of the device travel compressed or as differences where that is less (the default), "
      "or whole");
  command->add_flag("--wait", arguments->wait, "Return when the device runs it, or fail when it cannot");
  command->add_flag("--log", arguments->log, "Then follow the device's log until interrupted");
  command->add_flag("--log-only,--logonly", arguments->log_only, "Only follow the device's log");
  command->add_option("-o,--output", arguments->log_format, "Form of the log: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  add_build_options(*command, *arguments);
  add_debug_options(*command, *arguments);
  command->callback([arguments, &context] {
    arguments->build.debug = wants_key(*arguments);
    deploy(*arguments, context);
  });
}

}  // namespace microvisor::cli
