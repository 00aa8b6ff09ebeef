// microvisor run: one application on a fresh virtual board behind a private cloud, in one process.
//
// Nothing is shortened: the board boots, connects over TLS, is told its target through the REST API and
// installs it over the air. Stdout has only the stream (log records, serial lines, pin changes), everything
// else goes to stderr.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/access_point.hpp"
#include "cli/bearers.hpp"
#include "cli/board_clock.hpp"
#include "cli/client.hpp"
#include "cli/commands/board_tools.hpp"
#include "cli/commands/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/deployment.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"
#include "cli/signal_watch.hpp"
#include "cli/virtual_device.hpp"
#include "cloud/server.hpp"
#include "protocol/bundle/elf.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct RunArguments {
  std::string application, duration, uart2, apn;
  std::vector<std::string> pins, i2c, configs, secrets;
  bool fast = false;
  BearerArguments bearers;
  bool stats = false;
  bool factory_test = false;
  bool halt = false;
  ToolArguments tools;
  cloud::RelayOptions relay;
};

/// A directory that goes with this object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "microvisor-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Failure("cannot make a temporary directory in " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::unique_ptr<cloud::Server> start_private_cloud(const fs::path& data, const cloud::Clock& clock,
                                                   const cloud::RelayOptions& relay) {
  cloud::ServerOptions options;
  options.clock = &clock;
  options.listen = "127.0.0.1:0";
  options.gateway = "127.0.0.1:0";
  options.data = data;
  options.quiet = true;
  options.relay = relay;
  auto server = cloud::Server::start(options);
  if (!server) throw Failure(server.error());
  return std::move(*server);
}

/// Prints the device's log as it comes, on a thread of its own, until the server ends the stream.
class LogPrinter {
 public:
  LogPrinter(const Credentials& credentials, const std::string& sid)
      : thread_([credentials, sid] {
          try {
            Client(credentials)
                .stream(
                    "/api/devices/" + sid + "/logs?Since=1000",
                    [](const json& record) {
                      print_line(format_log_record(record));
                      return true;
                    },
                    [] { return true; });
          } catch (const std::exception& error) {
            note(std::string("the log stream ended: ") + error.what());
          }
        }) {}
  ~LogPrinter() { thread_.join(); }
  LogPrinter(const LogPrinter&) = delete;
  LogPrinter& operator=(const LogPrinter&) = delete;

 private:
  std::thread thread_;
};

VirtualDeviceOptions device_options(const RunArguments& arguments) {
  VirtualDeviceOptions options;
  options.fast = arguments.fast;
  options.serial = !arguments.uart2.empty();
  take_bearers(arguments.bearers, options);
  for (const auto& name : arguments.pins) options.pins.push_back(parse_pin(name));
  for (const auto& text : arguments.i2c) options.i2c.push_back(parse_i2c_target(text));
  return options;
}

void connect_output(VirtualDevice& device) {
  device.on_serial_line = [](const std::string& line) { print_line("[uart2] " + line); };
  device.on_pin = [](const std::string& pin, const std::string& state) {
    print_line(fmt::format("[pin {}] {}", pin, state));
  };
  device.on_report = [](const std::string& line) { note(line); };
}

/// One of --config or --secret, read before anything is started.
struct StoredValue {
  const char* collection;
  KeyAndValue entry;
};

std::vector<StoredValue> read_values(const RunArguments& arguments) {
  std::vector<StoredValue> values;
  for (const auto& text : arguments.configs)
    values.push_back({"/Configs", parse_key_and_value("--config", text)});
  for (const auto& text : arguments.secrets)
    values.push_back({"/Secrets", parse_key_and_value("--secret", text)});
  return values;
}

/// At account scope and at device scope: applications look in the one or in the other.
void store_values(Client& client, const std::string& sid, const std::vector<StoredValue>& values) {
  for (const StoredValue& value : values) {
    for (const std::string& scope : {std::string("/v1"), "/v1/Devices/" + sid})
      store_value(client, scope + value.collection, value.entry.key, value.entry.value);
  }
}

void print_statistics(const VirtualDevice& device) {
  const board::BoardStatistics statistics = device.statistics();
  fmt::print(stderr, "{}\n",
             json{{"instructions", statistics.instructions},
                  {"wall_s", statistics.wall_seconds},
                  {"virtual_s", statistics.virtual_seconds},
                  {"instructions_to_app", device.instructions_to_application()}}
                 .dump());
}

void run(const RunArguments& arguments) {
  const protocol::Bundle bundle = load_application(arguments.application);
  const std::optional<double> seconds =
      arguments.duration.empty() ? std::nullopt : std::optional(parse_duration(arguments.duration));
  if (!arguments.uart2.empty() && arguments.uart2 != "-")
    throw Failure("--uart2 takes '-', the standard output");
  if (arguments.halt && arguments.tools.gdb.empty()) throw Failure("--halt needs --gdb");
  if (!arguments.apn.empty()) require_access_point_name(arguments.apn);
  const VirtualDeviceOptions options = device_options(arguments);
  const std::vector<StoredValue> values = read_values(arguments);

  const InterruptGuard interrupt;
  const TemporaryDirectory directory;
  BoardClock clock;
  const auto server = start_private_cloud(directory.path() / "cloud", clock, arguments.relay);
  const Credentials credentials = read_credentials(server->credentials_path());
  Client client(credentials);
  auto memories = board::BoardMemories::in_memory(board::BoardIdentity::random());
  if (!memories) throw Failure(memories.error().message);
  const std::string sid =
      provision(*memories, &client, {.factory_test = arguments.factory_test, .apn = arguments.apn});
  store_values(client, sid, values);
  set_target(client, sid, text_of(upload_application(client, bundle), "sid"));

  VirtualDevice device(std::move(*memories), options);
  connect_output(device);
  clock.follow(&device);
  const bool has_symbols = protocol::looks_like_elf(read_file(arguments.application));
  BoardTools tools(device.board(), arguments.tools, arguments.halt,
                   has_symbols ? arguments.application : std::string());
  {
    const LogPrinter log(credentials, sid);
    // The server's end ends the stream, and thereby the printer, however the run ends.
    const std::unique_ptr<cloud::Server, void (*)(cloud::Server*)> stopper(
        server.get(), [](cloud::Server* it) { it->stop(); });
    const SignalWatch watch(device);
    device.run(seconds, false);
  }
  tools.exited(0);
  tools.close();
  if (arguments.stats) print_statistics(device);
}

}  // namespace

void add_run(CLI::App& program) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command =
      program.add_subcommand("run", "Run an application on a fresh virtual board behind a private cloud");
  command->add_option("APPLICATION", arguments->application, "ELF file or bundle")->required();
  command->add_option(
      "--for", arguments->duration,
      "Board time from the application's start, for example 30s; without it until interrupted");
  command->add_flag("--fast", arguments->fast, "As fast as this machine can, not in real time");
  command->add_option("--uart2", arguments->uart2, "'-': show lines that the application sends on USART2");
  command->add_option("--pins", arguments->pins, "Show changes of these pins, for example PA5,PA7")
      ->delimiter(',');
  command
      ->add_option("--i2c", arguments->i2c, "Put a device on I2C1: ADDRESS=mcp9808, for example 0x18=mcp9808")
      ->delimiter(',');
  command
      ->add_option(
          "--config", arguments->configs,
          "KEY=VALUE or KEY=@FILE: a config that the application can fetch, of the account and of the "
          "device; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--secret", arguments->secrets, "The same for secrets, best as KEY=@FILE")
      ->allow_extra_args(false);
  command->add_flag("--factory-test", arguments->factory_test,
                    "The application is the production line's test application: mvTestingComplete ends it");
  command->add_option("--apn", arguments->apn, kDevicesAccessPointHelp);
  command->add_flag("--stats", arguments->stats, "Last line of stderr: instructions and times as JSON");
  add_relay_options(*command, arguments->relay);
  add_bearer_options(*command, arguments->bearers);
  add_tool_options(*command, arguments->tools);
  command->add_flag("--halt", arguments->halt, "Do not start before the debugger of --gdb says so");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace microvisor::cli
