// See releases.hpp.
#include "cli/commands/releases.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

std::string path_of(const ReleaseKind& kind) { return std::string("/api/") + kind.many; }

std::string path_of(const ReleaseKind& kind, const std::string& name) {
  return path_of(kind) + "/" + Client::escape(name);
}

struct DeployArguments {
  std::string release, device;
  bool all = false;
};

void deploy(Client& client, const ReleaseKind& kind, const DeployArguments& arguments) {
  if (arguments.all == !arguments.device.empty()) throw Failure("name a device, or all of them by --all");
  if (arguments.all) {
    const json answer = client.post_json(path_of(kind, arguments.release) + "/deploy", json::object());
    return note("named to " + text_of(answer, "devices") + " devices");
  }
  client.post_json("/api/devices/" + Client::escape(arguments.device) + "/" + kind.one,
                   {{"target", arguments.release}});
  note("named to " + arguments.device + "; 'devices show' tells how it goes");
}

}  // namespace

void add_release_upload(CLI::App& releases, Context& context, const ReleaseKind& kind) {
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = releases.add_subcommand("upload", "Upload a release, as its vendor has signed it");
  command->add_option("FILE", *file, kind.file_help)->required();
  command->add_flag("--json", *as_json, "Print the release as JSON");
  command->callback([file, as_json, kind, &context] {
    const protocol::Bytes bytes = read_file(*file);
    Client client(find_credentials(context.profile));
    Progress progress("uploading");
    const json release =
        client.upload(path_of(kind), std::string(protocol::as_text(bytes)), "",
                      [&](std::size_t done, std::size_t total) { progress.update(done, total); });
    print_line(*as_json ? release.dump(2) : text_of(release, "hash"));
  });
}

void add_release_list(CLI::App& releases, Context& context, const ReleaseKind& kind,
                      std::vector<ReleaseColumn> columns) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = releases.add_subcommand("list", "List the releases that the cloud has");
  command->add_flag("--json", *as_json, "Print as JSON");
  command->callback([as_json, kind, columns = std::move(columns), &context] {
    const json list = Client(find_credentials(context.profile)).get(path_of(kind)).at(kind.many);
    if (*as_json) return print_line(list.dump(2));
    std::vector<std::string> headings;
    for (const ReleaseColumn& column : columns) headings.emplace_back(column.heading);
    std::vector<std::vector<std::string>> rows;
    for (const auto& release : list) {
      rows.emplace_back();
      for (const ReleaseColumn& column : columns) rows.back().push_back(text_of(release, column.member));
    }
    print_line(format_table(headings, rows));
  });
}

void add_release_remove(CLI::App& releases, Context& context, const ReleaseKind& kind) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = releases.add_subcommand("remove", "Delete a release from the cloud");
  command->add_option(kind.name, *name, kind.name_help)->required();
  command->callback([name, kind, &context] {
    Client(find_credentials(context.profile)).remove(path_of(kind, *name));
    note("removed " + *name);
  });
}

void add_release_deploy(CLI::App& releases, Context& context, const ReleaseKind& kind) {
  auto arguments = std::make_shared<DeployArguments>();
  CLI::App* command = releases.add_subcommand("deploy", kind.deploy_help);
  command->add_option(kind.name, arguments->release, kind.name_help)->required();
  command->add_option("DEVICE", arguments->device, "SID or unique name");
  command->add_flag("--all", arguments->all, kind.all_help);
  command->callback([arguments, kind, &context] {
    Client client(find_credentials(context.profile));
    deploy(client, kind, *arguments);
  });
}

}  // namespace microvisor::cli
