// The `microvisor` command.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

/// One line for what could not be parsed. The parser misses a command before it minds a word that is none.
std::string describe(const CLI::App& program, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = program.remaining(true);
  if (unknown.empty()) return error.what();
  return "'" + unknown.front() + "' is neither a command nor an option here; --help lists them";
}

int run_program(int count, char** arguments) {
  CLI::App program("Microvisor: run, deploy, watch and debug firmware on STM32U585 devices, real or virtual.",
                   "microvisor");
  program.require_subcommand(1);
  program.set_version_flag("--version", MICROVISOR_VERSION);
  Context context;
  program.add_option("--profile", context.profile, "Login to use, as saved by 'login --profile NAME'");

  add_run(program);
  add_apps(program, context);
  add_bundle_tools(program);
  add_devices(program, context);
  add_deploy(program, context);
  add_debug(program, context);
  add_crash(program, context);
  add_logs(program, context);
  add_configs(program, context);
  add_signers(program, context);
  add_decrypters(program, context);
  add_endpoints(program, context);
  add_kernels(program, context);
  add_modules(program, context);
  add_relay(program, context);
  add_wificonfig(program);
  add_apn(program);
  add_board(program, context);
  add_factory(program, context);
  add_account(program, context);
  add_cloud(program);
  add_login(program, context);

  try {
    program.parse(count, arguments);
  } catch (const CLI::Success& success) {  // --help, --version
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    note(describe(program, error));
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace microvisor::cli

int main(int count, char** arguments) {
  // A pipe nobody reads and a file that may not grow are errors of the call, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return microvisor::cli::run_program(count, arguments);
  } catch (const microvisor::cli::ExitStatus& exit) {
    return exit.status;
  } catch (const std::exception& error) {
    microvisor::cli::note(error.what());
    return 1;
  }
}
