#include "cli/station.hpp"

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

constexpr std::string_view kRequest = "MV request ";
constexpr std::string_view kRefused = "MV refused ";
constexpr int kAttempts = 5;  // the device may be starting yet, or in the middle of a line

/// The rest of the next line that begins with `prefix`; whatever else the line shows is passed over.
std::optional<std::string> answer(SerialLine& line, std::string_view prefix,
                                  const std::function<void(const std::string&)>& other = {}) {
  while (const auto text = line.receive()) {
    if (text->starts_with(prefix)) return text->substr(prefix.size());
    if (other) other(*text);
  }
  return std::nullopt;
}

void stop_if_refused(const std::string& line) {
  if (line.starts_with(kRefused)) throw Failure("the device refuses: " + line.substr(kRefused.size()));
}

std::optional<std::string> ask_for_request(SerialLine& line) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    line.send("MV hello");
    if (auto text = answer(line, kRequest)) return text;
  }
  return std::nullopt;
}

}  // namespace

NewDevice provision_over(SerialLine& line, const Issue& issue) {
  const auto text = ask_for_request(line);
  if (!text) throw Failure("no new device answers: there is none, or it has its identity already");
  const std::size_t blank = text->find(' ');
  const auto bytes = protocol::from_hex(text->substr(0, blank));
  if (!bytes || blank == std::string::npos) throw Failure("the device's request is garbled");
  const auto request = protocol::read_device_request(*bytes);
  if (!request) throw Failure(request.error().message);
  NewDevice device{*request, text->substr(blank + 1)};
  if (protocol::claim_hash(device.request.sid, device.claim_code) != device.request.claim)
    throw Failure("the claim code is not the one that the device has signed");
  line.send("MV certificate " + protocol::to_hex(issue(device.request, *bytes)));
  if (!answer(line, "MV done", stop_if_refused))
    throw Failure("the device does not say that it has taken its certificate");
  return device;
}

}  // namespace microvisor::cli
