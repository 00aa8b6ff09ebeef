// The commands: one file each, one function that adds it to the command line.
//
// A command's callback runs after parsing, on the main thread, and throws Failure to fail.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace microvisor::cloud {
struct RelayOptions;
}

namespace microvisor::cli {

/// Options of the program itself; lives as long as the command line.
struct Context {
  std::string profile;
};

void add_account(CLI::App& program, Context& context);
void add_apps(CLI::App& program, Context& context);
void add_bundle_tools(CLI::App& program);
void add_board(CLI::App& program, Context& context);
void add_board_snapshots(CLI::App& board);
void add_board_run(CLI::App& board);
void add_board_replay(CLI::App& board);
void add_board_exec(CLI::App& board);
void add_cloud(CLI::App& program);
void add_configs(CLI::App& program, Context& context);
void add_crash(CLI::App& program, Context& context);
void add_debug(CLI::App& program, Context& context);
void add_deploy(CLI::App& program, Context& context);
void add_devices(CLI::App& program, Context& context);
void add_device_custody(CLI::App& devices, Context& context);
void add_device_attestation(CLI::App& devices, Context& context);
void add_device_crashes(CLI::App& devices, Context& context);
void add_device_return(CLI::App& devices, Context& context);
void add_endpoints(CLI::App& program, Context& context);
void add_factory(CLI::App& program, Context& context);
void add_kernels(CLI::App& program, Context& context);
void add_modules(CLI::App& program, Context& context);
void add_login(CLI::App& program, Context& context);
void add_logs(CLI::App& program, Context& context);
void add_relay(CLI::App& program, Context& context);
/// --relay-resolve and --relay-ca. `options` must outlive the parsing.
void add_relay_options(CLI::App& command, cloud::RelayOptions& options);
void add_signers(CLI::App& program, Context& context);
void add_decrypters(CLI::App& program, Context& context);
void add_apn(CLI::App& program);
void add_run(CLI::App& program);
void add_wificonfig(CLI::App& program);

}  // namespace microvisor::cli
