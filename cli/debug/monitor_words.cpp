// See monitor_words.hpp.
#include "cli/debug/monitor_words.hpp"

#include <fmt/core.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/output.hpp"

namespace microvisor::cli::debug {
namespace {

using nlohmann::json;

std::string link_words(const DeviceSession& session) {
  const LinkStatistics& s = session.statistics();
  return fmt::format(
      "{} exchanges, {} messages and {} bytes to the device, {} messages and {} bytes from it\n", s.exchanges,
      s.messages_sent, s.bytes_sent, s.messages_received, s.bytes_received);
}

/// What there is of crash reports, which only their key opens.
std::string crash_words(Client& client, const std::string& sid) {
  const json crashes = client.get("/api/devices/" + Client::escape(sid) + "/crashes").at("crashes");
  if (crashes.empty()) return "no crash reports\n";
  return fmt::format(
      "{} crash reports, the latest received {}: microvisor crash show {} --key KEY --elf APP.elf\n",
      crashes.size(), text_of(crashes.front(), "date_received"), sid);
}

/// The last lines of the log stream.
std::string log_words(Client& client, const std::string& sid, std::string_view arguments) {
  const std::string count = arguments.empty() ? "20" : std::string(arguments);
  if (count.find_first_not_of("0123456789") != std::string::npos)
    return "monitor log takes a number of lines\n";
  std::string text;
  client.stream(
      "/api/devices/" + Client::escape(sid) + "/logs?Since=" + count,
      [&](const json& record) {
        text += format_log_record(record) + "\n";
        return true;
      },
      [until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500)] {
        return std::chrono::steady_clock::now() < until;
      });
  return text.empty() ? "no lines\n" : text;
}

}  // namespace

void add_cloud_words(RemoteTarget& target, Client& client, const std::string& sid) {
  target.add_monitor_word(
      {"status", "what the application does, and what the device is", [&target, &client, sid](auto) {
         const json state = client.get("/api/devices/" + Client::escape(sid));
         return fmt::format("{}: {}; kernel {}\n", sid, target.state(), text_of(state, "kernel_version"));
       }});
  target.add_monitor_word(
      {"log", "[N]: the last N lines of the log stream (20)",
       [&client, sid](std::string_view arguments) { return log_words(client, sid, arguments); }});
  target.add_monitor_word({"crash", "the device's crash reports, and how to open them",
                           [&client, sid](auto) { return crash_words(client, sid); }});
}

void add_direct_words(RemoteTarget& target, const std::string& sid) {
  target.add_monitor_word({"status", "what the application does", [&target, sid](auto) {
                             return fmt::format("{}: {}; without a cloud\n", sid, target.state());
                           }});
}

void add_words(RemoteTarget& target, const DeviceSession& session) {
  target.add_monitor_word(
      {"reset", "starts the application anew and halts it before its first instruction",
       [&target](auto) { return std::string(target.reset() ? "" : "the application does not start\n"); }});
  target.add_monitor_word(
      {"halt", "halts the application, where it has been started anew meanwhile", [&target](auto) {
         return target.attach() ? target.state() + "\n" : "the application does not halt\n";
       }});
  target.add_monitor_word(
      {"link", "how much has gone over the link", [&session](auto) { return link_words(session); }});
}

}  // namespace microvisor::cli::debug
