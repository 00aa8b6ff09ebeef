// Flash contents by the image builder, the key by the device, its certificate by the REST API or, without a
// cloud, by OpenSSL.
#include "cli/provisioning.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "board/board.hpp"
#include "cli/board_line.hpp"
#include "cli/factory.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/openssl.hpp"

namespace microvisor::cli {
namespace {

using firmware::image::Identity;
using nlohmann::json;
using namespace protocol::openssl;

std::vector<std::uint8_t> der_of(X509* certificate) {
  std::vector<std::uint8_t> der(static_cast<std::size_t>(std::max(0, i2d_X509(certificate, nullptr))));
  unsigned char* end = der.data();
  if (der.empty() || i2d_X509(certificate, &end) < 0) throw_openssl("encoding a certificate");
  return der;
}

std::vector<std::uint8_t> certificate_der(const std::string& pem) {
  const OwnedCertificate certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) throw Failure("the cloud's answer holds no certificate");
  return der_of(certificate.get());
}

OwnedKey private_key(const protocol::SigningKey& key) {
  OwnedKey loaded(PEM_read_bio_PrivateKey(bio_of(key.private_pem()).get(), nullptr, nullptr, nullptr));
  if (!loaded) throw_openssl("reading the device key");
  return loaded;
}

/// The CA of a board without a cloud. Its certificates are shown to nobody.
class OwnAuthority {
 public:
  OwnAuthority() : key_(private_key(protocol::SigningKey::generate())) {
    certificate_ = issue("Microvisor board", key_.get());
  }
  [[nodiscard]] protocol::Bytes certificate() const { return der_of(certificate_.get()); }
  [[nodiscard]] protocol::Bytes certificate_for(const protocol::DeviceRequest& request) const {
    const std::string pem = protocol::public_key_to_pem(request.public_key);
    const OwnedKey key(PEM_read_bio_PUBKEY(bio_of(pem).get(), nullptr, nullptr, nullptr));
    if (!key) throw_openssl("reading the device's key");
    return der_of(issue(request.sid, key.get()).get());
  }

 private:
  /// For its own key it is that of the CA, without extensions as X.509 version 1 has it.
  [[nodiscard]] OwnedCertificate issue(const std::string& common_name, EVP_PKEY* subject) const {
    constexpr long kVersion1 = 0, kVersion3 = 2;
    OwnedCertificate certificate(X509_new());
    X509* x509 = certificate.get();
    X509_set_version(x509, subject == key_.get() ? kVersion1 : kVersion3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 60L * 60 * 24 * 365 * 20);
    X509_set_pubkey(x509, subject);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509, certificate_ ? X509_get_subject_name(certificate_.get()) : name);
    if (X509_sign(x509, key_.get(), EVP_sha256()) == 0) throw_openssl("signing a certificate");
    return certificate;
  }

  OwnedKey key_;
  OwnedCertificate certificate_;
};

/// The gateway as the device sees it: the modem's network shows this machine's loopback at 10.0.2.2.
void set_gateway(Identity& identity, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string_view port =
      std::string_view(address).substr(colon == std::string::npos ? address.size() : colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), identity.gateway_port);
  if (error != std::errc() || end != port.data() + port.size())
    throw Failure("the cloud names a gateway without a port: " + address);
  identity.gateway_host = address.substr(0, colon);
  if (identity.gateway_host.starts_with("127.") || identity.gateway_host == "localhost" ||
      identity.gateway_host == "[::1]") {
    identity.gateway_host = "10.0.2.2";
  }
}

std::array<std::uint8_t, 65> signer_of(const std::string& pem) {
  const auto key = protocol::public_key_from_pem(pem);
  if (!key) throw Failure("the cloud's key of a signer: " + key.error().message);
  return *key;
}

Identity lonely_identity(const OwnAuthority& authority) {
  Identity identity;
  identity.device_certificate = authority.certificate();
  identity.gateway_host = "gateway.invalid";
  identity.gateway_port = 1;
  identity.gateway_server_name = "gateway.invalid";
  identity.gateway_ca = identity.device_certificate;
  return identity;
}

}  // namespace

Identity common_identity(Client& client) {
  const json answer = client.get("/api/factory");
  Identity identity;
  identity.device_certificate = certificate_der(text_of(answer, "device_ca"));
  set_gateway(identity, text_of(answer, "gateway"));
  identity.gateway_server_name = text_of(answer, "gateway_name");
  identity.gateway_ca = certificate_der(text_of(answer, "gateway_ca"));
  for (const json& pem : answer.at("signers"))
    identity.manifest_signers.push_back(signer_of(pem.get<std::string>()));
  identity.keys_sequence = answer.at("keys_sequence").get<std::uint64_t>();
  return identity;
}

Issue issue_by(Client& client, bool claimable, json* answer) {
  return [&client, claimable, answer](const protocol::DeviceRequest&, protocol::ByteView request) {
    const json made = client.post_json("/api/factory/devices", {{"request", protocol::to_base64(request)},
                                                                {"claimable", claimable ? "true" : "false"}});
    if (answer != nullptr) *answer = made;
    return certificate_der(text_of(made, "certificate"));
  };
}

NewDevice provision_board(board::BoardMemories& memories, const Issue& issue) {
  auto board = board::Board::create(std::move(memories));
  if (!board) throw Failure(board.error().message);
  NewDevice device;
  {
    BoardLine line(**board);
    device = provision_over(line, issue);
  }
  memories = (*board)->take_memories();
  if (const auto named = memories.set_sid(device.request.sid); !named) throw Failure(named.error().message);
  return device;
}

void make_with(firmware::image::FlashImage& image, const MadeWith& with) {
  if (with.factory_test) firmware::image::begin_factory_test(image.bank2);
  if (!with.apn.empty()) firmware::image::set_access_point_name(image.bank2, with.apn);
}

std::string provision(board::BoardMemories& memories, Client* client, const MadeWith& with) {
  const OwnAuthority authority;
  firmware::image::FlashImage image = firmware::image::build_factory_image(
      client != nullptr ? common_identity(*client) : lonely_identity(authority),
      firmware::image::ReadoutProtection::Level0);
  make_with(image, with);
  program(memories.flash(), image);
  const Issue issue = client != nullptr
                          ? issue_by(*client, false)
                          : [&authority](const protocol::DeviceRequest& request, protocol::ByteView) {
                              return authority.certificate_for(request);
                            };
  return provision_board(memories, issue).request.sid;
}

}  // namespace microvisor::cli
