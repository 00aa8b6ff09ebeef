// See parties.hpp.
#include "cli/debug/parties.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/device_certificate.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/bundle.hpp"

namespace microvisor::cli::debug {
namespace {

using nlohmann::json;

/// "sha256:" and 64 hexadecimal digits.
std::optional<protocol::Hash> parse_hash(std::string_view text) {
  constexpr std::string_view kName = "sha256:";
  if (!text.starts_with(kName)) return std::nullopt;
  const auto bytes = protocol::from_hex(text.substr(kName.size()));
  protocol::Hash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

protocol::Hash manifest_hash_of(Client& client, const json& device) {
  const json& app = device.at("app");
  const std::string sid = text_of(app, "reported_sid");
  if (sid.empty())
    throw Failure(text_of(device, "sid") + " has not reported an application that this account knows");
  const auto hash = parse_hash(text_of(client.get("/v1/Apps/" + Client::escape(sid)), "hash"));
  if (!hash) throw Failure("the cloud does not say which application " + sid + " is");
  return *hash;
}

/// The signature is part of the manifest, so a bundle that has none is not what any device has installed.
protocol::Hash manifest_hash_of(const DirectArguments& arguments) {
  if (!arguments.hash.empty()) {
    const auto hash = parse_hash(arguments.hash);
    if (!hash) throw Failure(arguments.hash + " is no hash of an application (sha256:...)");
    return *hash;
  }
  if (arguments.bundle.empty())
    throw Failure("--direct needs to know the application: its signed --bundle, or its --hash");
  const auto bundle = protocol::read_bundle(read_file(arguments.bundle));
  if (!bundle) throw Failure(arguments.bundle + ": " + bundle.error().message);
  if (bundle->info.signer_id == 0)
    throw Failure(arguments.bundle +
                  " is not signed, so no device has it installed: give the --hash that "
                  "'microvisor apps show' says");
  return protocol::sha256(bundle->manifest);
}

protocol::PublicKey device_point_of(Client& client, const std::string& sid, const std::string& certificate) {
  const json all = client.get("/api/decrypters").at("devices");
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const json& d) { return text_of(d, "sid") == sid; });
  if (found == all.end()) throw Failure("there is no device " + sid);
  return device_key_of(*found, certificate);
}

Parties parties_of(const std::string& key_file, std::string sid) {
  if (sid.size() != wire::kDeviceSidBytes) throw Failure(sid + " is no SID of a device");
  const protocol::SigningKey key = read_private_key(key_file);
  Parties parties{.sid = std::move(sid)};
  const auto secret = key.private_scalar();
  std::copy(secret.begin(), secret.end(), parties.own_secret.begin());
  parties.own_point = key.public_key();
  return parties;
}

void set_application(Parties& parties, const protocol::Hash& manifest) {
  const std::span<const std::uint8_t, wire::kDeviceSidBytes> sid(
      reinterpret_cast<const std::uint8_t*>(parties.sid.data()), wire::kDeviceSidBytes);
  parties.prologue = wire::prologue_of(sid, manifest);
}

}  // namespace

Parties find_parties(Client& client, const ServiceArguments& arguments) {
  const json device = client.get("/v1/Devices/" + Client::escape(arguments.device));
  Parties parties = parties_of(arguments.key, text_of(device, "sid"));
  parties.device_point = device_point_of(client, parties.sid, arguments.certificate);
  set_application(parties, manifest_hash_of(client, device));
  return parties;
}

Parties find_parties(const DirectArguments& arguments) {
  if (arguments.certificate.empty()) throw Failure("--direct needs the device's --certificate");
  const auto pem = read_file(arguments.certificate);
  const auto certified = protocol::key_from_certificate(protocol::as_text(pem));
  if (!certified) throw Failure(arguments.certificate + ": " + certified.error().message);
  Parties parties = parties_of(arguments.key, certified->common_name);
  parties.device_point = certified->key;
  set_application(parties, manifest_hash_of(arguments));
  return parties;
}

}  // namespace microvisor::cli::debug
