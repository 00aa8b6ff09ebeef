// Page layout: a header row (magic, format version, bytes that follow, CRC-32 of these 12 bytes), then the
// fields, each with its length in 2 bytes before it, then SHA-256 over header and fields. Fields in fixed
// order; a later format version may only append.
#include "firmware/vault/identity.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

using storage::FlashStatus;
using storage::kRowSize;

constexpr std::uint32_t kMagic = 0x4449'564D;  // "MVID"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kDigestSize = sizeof(crypto::Digest);

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}
  void field(std::span<const std::uint8_t> data) {
    if (!good_ || at_ + 2 + data.size() > out_.size()) {
      good_ = false;
      return;
    }
    storage::put16(out_, at_, static_cast<std::uint16_t>(data.size()));
    std::copy(data.begin(), data.end(), out_.begin() + static_cast<std::ptrdiff_t>(at_ + 2));
    at_ += 2 + data.size();
  }
  [[nodiscard]] std::size_t size() const { return at_; }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
  bool good_ = true;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> in) : in_(in) {}
  [[nodiscard]] bool field(std::span<const std::uint8_t>& data) {
    if (in_.size() - at_ < 2) return false;
    const std::size_t size = storage::get16(in_, at_);
    if (in_.size() - at_ - 2 < size) return false;
    data = in_.subspan(at_ + 2, size);
    at_ += 2 + size;
    return true;
  }
  template <typename Field>
  [[nodiscard]] bool bytes(Field& out) {
    std::span<const std::uint8_t> data;
    return field(data) && out.assign(data);
  }

 private:
  std::span<const std::uint8_t> in_;
  std::size_t at_ = 0;
};

bool decode_fields(std::span<const std::uint8_t> bytes, Identity& identity) {
  Reader reader(bytes);
  std::span<const std::uint8_t> key;
  std::span<const std::uint8_t> port;
  if (!reader.bytes(identity.device_sid) || !reader.field(key) ||
      key.size() != identity.device_private_key.size() || !reader.bytes(identity.device_certificate) ||
      !reader.bytes(identity.gateway_host) || !reader.field(port) || port.size() != 2 ||
      !reader.bytes(identity.gateway_server_name) || !reader.bytes(identity.gateway_ca)) {
    return false;
  }
  std::copy(key.begin(), key.end(), identity.device_private_key.begin());
  identity.gateway_port = storage::get16(port, 0);
  return true;
}

/// One copy. The buffer is static: only start-up code reads the identity.
bool read_copy(storage::Flash& flash, std::uint32_t address, Identity& identity) {
  static std::array<std::uint8_t, kMaximumEncodedIdentity> page;
  const auto header = std::span(page).first(kRowSize);
  if (flash.read(address, header) != FlashStatus::Ok) return false;
  if (storage::get32(header, 0) != kMagic || storage::get32(header, 4) != kVersion ||
      storage::get32(header, 12) != storage::crc32(header.first(12))) {
    return false;
  }
  const std::size_t size = storage::get32(header, 8);
  if (size > page.size() - kRowSize - kDigestSize) return false;
  const auto rest = std::span(page).subspan(kRowSize, size + kDigestSize);
  if (flash.read(address + kRowSize, rest) != FlashStatus::Ok) return false;
  const crypto::Digest digest = crypto::sha256(std::span(page).first(kRowSize + size));
  if (!std::equal(digest.begin(), digest.end(), rest.begin() + static_cast<std::ptrdiff_t>(size)))
    return false;
  const bool good = decode_fields(rest.first(size), identity);
  std::fill(page.begin(), page.end(), std::uint8_t{0});  // the private key has no business here
  return good;
}

}  // namespace

bool read_identity(storage::Flash& flash, Identity& identity) {
  for (std::uint32_t page = kVaultIdentity.address(); page < kVaultIdentity.end(); page += kPageSize) {
    if (read_copy(flash, page, identity)) return true;
  }
  return false;
}

std::size_t encode_identity(const Identity& identity, std::span<std::uint8_t> page) {
  if (page.size() < kRowSize + kDigestSize) return 0;
  std::array<std::uint8_t, 2> port{};
  storage::put16(port, 0, identity.gateway_port);
  Writer writer(page.subspan(kRowSize, page.size() - kRowSize - kDigestSize));
  writer.field(identity.device_sid.span());
  writer.field(identity.device_private_key);
  writer.field(identity.device_certificate.span());
  writer.field(identity.gateway_host.span());
  writer.field(port);
  writer.field(identity.gateway_server_name.span());
  writer.field(identity.gateway_ca.span());
  if (!writer.good()) return 0;
  storage::put32(page, 0, kMagic);
  storage::put32(page, 4, kVersion);
  storage::put32(page, 8, static_cast<std::uint32_t>(writer.size()));
  storage::put32(page, 12, storage::crc32(page.first(12)));
  const std::size_t measured = kRowSize + writer.size();
  const crypto::Digest digest = crypto::sha256(page.first(measured));
  std::copy(digest.begin(), digest.end(), page.begin() + static_cast<std::ptrdiff_t>(measured));
  const std::size_t used = measured + kDigestSize;
  const std::size_t padded = std::min<std::size_t>(page.size(), (used + kRowSize - 1) / kRowSize * kRowSize);
  std::fill(page.begin() + static_cast<std::ptrdiff_t>(used),
            page.begin() + static_cast<std::ptrdiff_t>(padded), std::uint8_t{0xFF});
  return padded;
}

}  // namespace microvisor::firmware::vault
