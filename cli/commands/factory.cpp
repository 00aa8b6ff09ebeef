// microvisor factory: what a production line does, from the image for the programmer on.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/access_point.hpp"
#include "cli/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/factory_files.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/label.hpp"
#include "cli/line_bundles.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"
#include "cli/tty_line.hpp"

namespace microvisor::cli {
namespace {

using firmware::image::ReadoutProtection;

const std::map<std::string, ReadoutProtection>& protection_levels() {
  static const std::map<std::string, ReadoutProtection> levels = {{"0", ReadoutProtection::Level0},
                                                                  {"0.5", ReadoutProtection::Level0_5},
                                                                  {"1", ReadoutProtection::Level1},
                                                                  {"2", ReadoutProtection::Level2}};
  return levels;
}

struct ImageArguments {
  std::string directory, test_application, application, apn;
  bool test = false;
  std::string level = "1";
};

void write_image(const ImageArguments& arguments, const Context& context) {
  if (!arguments.apn.empty()) require_access_point_name(arguments.apn);
  Client client(find_credentials(context.profile));
  const ReadoutProtection level = protection_levels().at(arguments.level);
  const firmware::image::Identity identity = common_identity(client);
  FactoryFiles files{firmware::image::build_factory_image(identity, level), {}};
  const bool test = arguments.test || !arguments.test_application.empty();
  make_with(files.flash, {.factory_test = test, .apn = arguments.apn});
  files.nor = line_image(client, identity, {arguments.test_application, arguments.application});
  write_factory_files(arguments.directory, files);
  print_line(arguments.directory);
  if (level == ReadoutProtection::Level0)
    note("read-out protection level 0: anybody with a debugger reads these devices; not for products");
  if (level == ReadoutProtection::Level2)
    note("read-out protection level 2 cannot be undone: such a chip is never erased or debugged again");
}

void add_image(CLI::App& factory, Context& context) {
  auto arguments = std::make_shared<ImageArguments>();
  CLI::App* command = factory.add_subcommand(
      "image",
      "Write the files that program the devices of a production line, all alike and without secrets");
  command->add_option("DIRECTORY", arguments->directory, "Where to write; made")->required();
  command->add_option("--rdp", arguments->level, "Read-out protection level (docs/factory.md)")
      ->check(CLI::IsMember({"0", "0.5", "1", "2"}))
      ->capture_default_str();
  command->add_flag("--test", arguments->test,
                    "The first application these devices get is the line's test application");
  command->add_option(
      "--test-app", arguments->test_application,
      "The line's test application, in the external flash: signed bundle, or uploaded app's SID or name");
  command->add_option("--app", arguments->application,
                      "The product, in the external flash; installed when the test is passed");
  command->add_option("--apn", arguments->apn, kDevicesAccessPointHelp);
  command->callback([arguments, &context] { write_image(*arguments, context); });
}

struct ProvisionArguments {
  std::string board, port;
  bool claimable = false, development = false, as_json = false;
};

/// Refuses before anything is issued. What the device says is worth as much as the device is genuine.
Issue checked(Issue issue, bool development) {
  return [issue = std::move(issue), development](const protocol::DeviceRequest& request,
                                                 protocol::ByteView bytes) {
    if (!development && protocol::readout_protection(request) == "0")
      throw Failure(
          "the chip is at read-out protection level 0, where its key is no secret; program it with a "
          "higher one, or say --development");
    return issue(request, bytes);
  };
}

NewDevice provision_where(const ProvisionArguments& arguments, const Issue& issue) {
  if (arguments.board.empty() == arguments.port.empty())
    throw Failure("name either the directory of a virtual board or a serial port (--port)");
  if (!arguments.port.empty()) {
    TtyLine line(arguments.port);
    return provision_over(line, issue);
  }
  auto memories = board::BoardMemories::open(arguments.board);
  if (!memories) throw Failure(memories.error().message);
  return provision_board(*memories, issue);
}

void provision_one(const ProvisionArguments& arguments, const Context& context) {
  Client client(find_credentials(context.profile));
  nlohmann::json answer;
  const Issue issue = checked(issue_by(client, arguments.claimable, &answer), arguments.development);
  const NewDevice device = provision_where(arguments, issue);
  if (!arguments.as_json) {
    return print_line(format_fields({{"sid", device.request.sid},
                                     {"claim code", device.claim_code},
                                     {"chip", device.request.chip},
                                     {"read-out protection", protocol::readout_protection(device.request)}}));
  }
  print_line(nlohmann::json{{"sid", device.request.sid},
                            {"claim_code", device.claim_code},
                            {"chip", device.request.chip},
                            {"readout_protection", protocol::readout_protection(device.request)},
                            {"claimable", answer.at("claimable")}}
                 .dump());
}

void add_provision(CLI::App& factory, Context& context) {
  auto arguments = std::make_shared<ProvisionArguments>();
  CLI::App* command = factory.add_subcommand(
      "provision", "Have a programmed chip make its identity, and get it its certificate");
  command->add_option("BOARD", arguments->board, "Directory of a virtual board");
  command->add_option("--port", arguments->port,
                      "Serial port to a real chip's USART2, for example /dev/ttyUSB0");
  command->add_flag("--claimable", arguments->claimable,
                    "Whoever has the code on its label may claim the device");
  command->add_flag("--development", arguments->development, "Take a chip at read-out protection level 0");
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, &context] { provision_one(*arguments, context); });
}

struct TestArguments {
  std::string device;
  bool as_json = false;
};

/// Exit status 0 is a device that has passed: a line need not read the text.
void show_test(const TestArguments& arguments, const Context& context) {
  Client client(find_credentials(context.profile));
  const nlohmann::json test = client.get("/api/devices/" + Client::escape(arguments.device) + "/test");
  const std::string verdict = text_of(test, "verdict");
  if (arguments.as_json) {
    print_line(test.dump());
  } else {
    for (const nlohmann::json& record : test.at("records"))
      print_line(text_of(record, "timestamp") + " " + text_of(record, "message"));
  }
  if (verdict.empty()) throw Failure("the test of this device is not complete");
  if (verdict != "0") throw Failure("the device has failed its test: " + verdict);
  note("the device has passed its test");
}

void add_test(CLI::App& factory, Context& context) {
  auto arguments = std::make_shared<TestArguments>();
  CLI::App* command = factory.add_subcommand(
      "test", "Show what the line's test application has logged of a device, and its verdict");
  command->add_option("DEVICE", arguments->device, "SID or unique name")->required();
  command->add_flag("--json", arguments->as_json, "Print as JSON");
  command->callback([arguments, &context] { show_test(*arguments, context); });
}

struct LabelArguments {
  std::string device, code, svg;
};

void print_label(const LabelArguments& arguments) {
  Label label = read_label(arguments.device);
  if (!arguments.code.empty()) label.claim_code = arguments.code;
  const std::string text = label_text(label);
  if (arguments.svg.empty()) {
    std::string symbol = qr_for_terminal(text);
    symbol.pop_back();  // its last line end
    print_line(symbol);
    return print_line(text);
  }
  write_file(arguments.svg, protocol::as_bytes(qr_as_svg(text)));
}

void add_label(CLI::App& factory) {
  auto arguments = std::make_shared<LabelArguments>();
  CLI::App* command = factory.add_subcommand("label", "Show or write the QR code for a device's label");
  command->add_option("DEVICE", arguments->device, "SID, or the text of a label")->required();
  command->add_option("--code", arguments->code, "The claim code that 'factory provision' has shown");
  command->add_option("--svg", arguments->svg, "Write it to this file instead");
  command->callback([arguments] { print_label(*arguments); });
}

}  // namespace

void add_factory(CLI::App& program, Context& context) {
  CLI::App* factory = program.add_subcommand("factory", "Make devices on a production line");
  factory->require_subcommand(1);
  add_image(*factory, context);
  add_provision(*factory, context);
  add_label(*factory);
  add_test(*factory, context);
}

}  // namespace microvisor::cli
