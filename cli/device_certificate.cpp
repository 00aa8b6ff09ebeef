// See device_certificate.hpp.
#include "cli/device_certificate.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {

protocol::PublicKey key_of_certificate(const std::string& sid, std::string_view pem) {
  const auto certified = protocol::key_from_certificate(pem);
  if (!certified) throw Failure(sid + ": " + certified.error().message);
  if (certified->common_name != sid)
    throw Failure(fmt::format("{}: the certificate is that of {}", sid, certified->common_name));
  return certified->key;
}

protocol::PublicKey device_key_of(const nlohmann::json& device, const std::string& file) {
  const std::string sid = text_of(device, "sid");
  if (!file.empty()) {
    const auto pem = read_file(file);
    return key_of_certificate(sid, protocol::as_text(pem));
  }
  if (device.at("certificate").is_null())
    throw Failure(sid + " has not connected yet: nobody knows its certificate (--certificate names a file)");
  return key_of_certificate(sid, device.at("certificate").get<std::string>());
}

}  // namespace microvisor::cli
