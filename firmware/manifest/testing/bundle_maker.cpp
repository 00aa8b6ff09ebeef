// Wire format: protobuf encoding specification; field numbers: protocol/bundle.proto.
#include "firmware/manifest/testing/bundle_maker.hpp"

#include <mbedtls/ecp.h>

#include <array>
#include <stdexcept>

namespace microvisor::firmware::manifest::testing {

namespace {

constexpr std::uint8_t kPrefix[] = "twlo-mv-manifest-v1";

int random_for_mbedtls(void*, unsigned char* out, std::size_t size) {
  return crypto::random({out, size}) ? 0 : -1;
}

Bytes bytes_of(const crypto::Digest& digest) { return {digest.begin(), digest.end()}; }

crypto::Digest measurement(const LayerFields& layer) {
  Bytes padded = layer.data;
  padded.resize(layer.size, 0xFF);
  return crypto::sha256(padded);
}

}  // namespace

void Message::varint(std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) data_.push_back(static_cast<std::uint8_t>(value | 0x80));
  data_.push_back(static_cast<std::uint8_t>(value));
}

Message& Message::number(std::uint32_t field, std::uint64_t value) {
  if (value == 0) return *this;
  varint(field << 3);
  varint(value);
  return *this;
}

Message& Message::bytes(std::uint32_t field, std::span<const std::uint8_t> value) {
  varint(field << 3 | 2);
  varint(value.size());
  data_.insert(data_.end(), value.begin(), value.end());
  return *this;
}

SigningKey::SigningKey(std::uint8_t number) {
  secret.fill(number);
  mbedtls_ecp_group group;
  mbedtls_ecp_point public_point;
  mbedtls_mpi d;
  mbedtls_ecp_group_init(&group);
  mbedtls_ecp_point_init(&public_point);
  mbedtls_mpi_init(&d);
  std::size_t size = 0;
  const bool ok = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                  mbedtls_mpi_read_binary(&d, secret.data(), secret.size()) == 0 &&
                  mbedtls_ecp_mul(&group, &public_point, &d, &group.G, random_for_mbedtls, nullptr) == 0 &&
                  mbedtls_ecp_point_write_binary(&group, &public_point, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                                 point.data(), point.size()) == 0;
  mbedtls_mpi_free(&d);
  mbedtls_ecp_point_free(&public_point);
  mbedtls_ecp_group_free(&group);
  if (!ok || size != point.size()) throw std::runtime_error("no test key");
}

Message layer_message(const LayerFields& layer) {
  Message region;
  region.number(1, layer.start).number(2, layer.size);
  Message target;
  target.message(layer.external ? 2 : 1, region);
  Message message;
  if (layer.with_target) message.message(1, target);
  message.number(2, layer.encrypted_with);
  message.bytes(3, layer.fetch_hash.value_or(bytes_of(crypto::sha256(layer.fetched()))));
  message.bytes(4, layer.measurement_hash.value_or(bytes_of(measurement(layer))));
  if (layer.stated_size != 0) message.number(1000, layer.stated_size);
  return message;
}

Bytes sign(const SigningKey& key, const Message& body) {
  crypto::Sha256 hash;
  hash.update(kPrefix);
  hash.update(body.data());
  crypto::Signature signature{};
  if (!crypto::ecdsa_p256_sign(key.secret, hash.finish(), signature))
    throw std::runtime_error("no test signature");
  Message envelope;
  envelope.number(1, key.id()).message(2, body).bytes(3, signature);
  return envelope.data();
}

Bytes application_manifest(const SigningKey& key, std::span<const LayerFields> layers) {
  Message body;
  for (const LayerFields& layer : layers) body.message(1, layer_message(layer));
  body.bytes(4, {}).bytes(5, {});
  return sign(key, body);
}

void initialise_crypto() {
  static const bool done = [] {
    alignas(8) static std::array<std::uint8_t, 256 * 1024> arena;
    crypto::initialise_memory(arena);
    return true;
  }();
  (void)done;
}

}  // namespace microvisor::firmware::manifest::testing
