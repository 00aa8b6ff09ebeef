// microvisor devices return: when an application that keeps crashing gives way to the last good one.
#include <fmt/core.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string device;
  std::optional<std::uint32_t> after_crashes, within_seconds;
  bool as_json = false;
};

void return_command(const Arguments& arguments, const Context& context) {
  json change = json::object();
  if (arguments.after_crashes) change["after_crashes"] = *arguments.after_crashes;
  if (arguments.within_seconds) change["within_seconds"] = *arguments.within_seconds;
  Client client(find_credentials(context.profile));
  const std::string path = "/api/devices/" + Client::escape(arguments.device) + "/return";
  const json state = change.empty() ? client.get(path) : client.post_json(path, change);
  if (arguments.as_json) return print_line(state.dump(2));
  const auto after = state.at("after_crashes").get<std::uint32_t>();
  print_line(
      format_fields({{"returns", after == 0 ? "never"
                                            : fmt::format("after {} crashes within {} s", after,
                                                          state.at("within_seconds").get<std::uint32_t>())},
                     {"last good app", text_of(state, "last_good")},
                     {"returned from", text_of(state, "returned_from")}}));
}

}  // namespace

void add_device_return(CLI::App& devices, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = devices.add_subcommand(
      "return", "Show or set when an application that keeps crashing is replaced by the last good one");
  command->add_option("DEVICE", arguments->device, "SID or unique name")->required();
  command->add_option("--after-crashes", arguments->after_crashes, "So many, 1 to 16; 0: never");
  command->add_option("--within", arguments->within_seconds, "So many seconds, 1 to 86400 (at first 600)");
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, &context] { return_command(*arguments, context); });
}

}  // namespace microvisor::cli
