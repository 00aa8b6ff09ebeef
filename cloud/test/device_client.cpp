// OpenSSL's client side with blocking sockets; the session cache is the caller's business.
#include "cloud/test/device_client.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "cloud/gateway/openssl.hpp"

namespace microvisor::cloud::test {
namespace {

OwnedCertificate certificate_of(const std::string& pem) {
  return OwnedCertificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

}  // namespace

struct DeviceClient::Tls {
  OwnedSslContext context;
  OwnedSsl ssl;
};

DeviceIdentity provision(const HttpClient& client, nlohmann::json members) {
  const auto key = protocol::SigningKey::generate();
  members["public_key"] = key.public_pem();
  const HttpReply reply = client.post_json("/api/devices", members);
  if (reply.status != 201) throw std::runtime_error("provisioning: " + reply.body);
  const auto answer = reply.json();
  const std::string gateway = answer.at("gateway");
  return {answer.at("sid"),
          key.private_pem(),
          answer.at("certificate"),
          answer.at("gateway_ca"),
          answer.at("gateway_name"),
          static_cast<std::uint16_t>(std::stoi(gateway.substr(gateway.rfind(':') + 1)))};
}

DeviceClient::DeviceClient(const DeviceIdentity& identity, const DeviceClient* resume)
    : identity_(identity), socket_(identity.gateway_port), tls_(std::make_unique<Tls>()) {
  tls_->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = tls_->context.get();
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);  // what devices speak
  if (!identity.gateway_ca.empty()) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate_of(identity.gateway_ca).get());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!identity.certificate.empty()) {
    const OwnedKey key(PEM_read_bio_PrivateKey(bio_of(identity.key).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context, certificate_of(identity.certificate).get());
    SSL_CTX_use_PrivateKey(context, key.get());
  }
  tls_->ssl.reset(SSL_new(context));
  SSL* ssl = tls_->ssl.get();
  std::string name = identity.gateway_name;
  SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  SSL_set1_host(ssl, identity.gateway_name.c_str());
  SSL_set_fd(ssl, socket_.handle());
  if (resume != nullptr) SSL_set_session(ssl, SSL_get_session(resume->tls_->ssl.get()));
  if (SSL_connect(ssl) != 1) {
    char reason[160] = "closed";
    if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
    error_ = reason;
    const long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK)
      error_ = std::string("certificate refused: ") + X509_verify_cert_error_string(verified);
  }
  ERR_clear_error();
}

DeviceClient::~DeviceClient() = default;

bool DeviceClient::resumed() const { return SSL_session_reused(tls_->ssl.get()) == 1; }

std::string DeviceClient::protocol() const { return SSL_get_version(tls_->ssl.get()); }

void DeviceClient::send_raw(const std::string& bytes) {
  SSL_write(tls_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
  ERR_clear_error();
}

void DeviceClient::send(const link::Frame& frame) {
  std::vector<std::uint8_t> wire;
  protocol::append_frame(wire, frame);
  send_raw(std::string(wire.begin(), wire.end()));
}

std::optional<link::Frame> DeviceClient::receive() {
  link::Frame frame;
  for (;;) {
    const auto status = reader_.next(frame);
    if (status == protocol::FrameReader::Status::Frame) return frame;
    if (status != protocol::FrameReader::Status::NeedMore) return std::nullopt;
    std::uint8_t buffer[4096];
    const int count = SSL_read(tls_->ssl.get(), buffer, sizeof buffer);
    ERR_clear_error();
    if (count <= 0) return std::nullopt;
    reader_.feed({buffer, static_cast<std::size_t>(count)});
  }
}

std::optional<link::Frame> DeviceClient::receive(link::Frame::KindCase kind) {
  for (;;) {
    auto frame = receive();
    if (!frame || frame->kind_case() == kind) return frame;
  }
}

link::Frame DeviceClient::hello(const std::string& app_manifest_hash, std::uint32_t attestation_version) {
  return hello([&](link::Hello& hello) {
    hello.set_app_manifest_hash(app_manifest_hash);
    hello.set_attestation_version(attestation_version);
  });
}

link::Frame DeviceClient::hello(const std::function<void(link::Hello&)>& fill) {
  link::Frame frame;
  link::Hello& hello = *frame.mutable_hello();
  hello.set_protocol_version(1);
  hello.set_device_sid(identity_.sid);
  hello.set_kernel_version("1.0.0");
  hello.set_kernel_version_number(10);
  hello.set_boot_count(3);
  fill(hello);
  send(frame);
  return receive().value_or(link::Frame());
}

void DeviceClient::report(const std::string& manifest_hash, link::UpdateState state, int error) {
  link::Frame frame;
  frame.mutable_update_report()->set_manifest_hash(manifest_hash);
  frame.mutable_update_report()->set_state(state);
  frame.mutable_update_report()->set_error(static_cast<link::UpdateError>(error));
  send(frame);
}

std::string DeviceClient::fetch(std::uint32_t stream, const std::string& hash, std::uint32_t offset,
                                std::size_t limit, bool* complete, link::StreamError* end) {
  constexpr std::uint32_t kWindow = 4096;
  link::Frame open;
  open.set_stream(stream);
  open.mutable_open()->set_service(link::SERVICE_FETCH);
  open.mutable_open()->set_object_hash(hash);
  open.mutable_open()->set_offset(offset);
  open.mutable_open()->set_credit(kWindow);
  send(open);
  std::string content;
  while (content.size() < limit) {
    const auto frame = receive();
    if (!frame) break;
    if (frame->stream() != stream) continue;
    if (frame->kind_case() == link::Frame::kClose) {
      if (complete != nullptr) *complete = true;
      if (end != nullptr) *end = frame->close().error();
      break;
    }
    content += frame->data();
    link::Frame credit;
    credit.set_stream(stream);
    credit.mutable_credit()->set_bytes(static_cast<std::uint32_t>(frame->data().size()));
    send(credit);
  }
  return content;
}

}  // namespace microvisor::cloud::test
