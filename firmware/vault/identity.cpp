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

/// Reads fields one after the other, straight to where they belong: the private key passes through no buffer.
class Reader {
 public:
  Reader(storage::Flash& flash, std::uint32_t address, std::size_t size)
      : flash_(flash), at_(address), left_(size) {}

  /// A field of exactly `out.size()` bytes.
  [[nodiscard]] bool field(std::span<std::uint8_t> out) { return size_of_next() == out.size() && take(out); }
  template <std::size_t Capacity>
  [[nodiscard]] bool field(Bytes<Capacity>& out) {
    const std::size_t size = size_of_next();
    if (size > Capacity) return false;
    out.size = static_cast<std::uint16_t>(size);
    return take(std::span(out.data).first(size));
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::size_t size_of_next() {
    std::array<std::uint8_t, 2> size{};
    return take(size) ? storage::get16(size, 0) : kNone;
  }
  bool take(std::span<std::uint8_t> out) {
    if (out.size() > left_ || flash_.read(at_, out) != FlashStatus::Ok) return false;
    at_ += static_cast<std::uint32_t>(out.size());
    left_ -= out.size();
    return true;
  }

  storage::Flash& flash_;
  std::uint32_t at_;
  std::size_t left_;
};

bool read_fields(Reader reader, Identity& identity) {
  std::array<std::uint8_t, 2> port{};
  if (!reader.field(identity.device_sid) || !reader.field(identity.device_private_key) ||
      !reader.field(identity.device_certificate) || !reader.field(identity.gateway_host) ||
      !reader.field(port) || !reader.field(identity.gateway_server_name) ||
      !reader.field(identity.gateway_ca)) {
    return false;
  }
  identity.gateway_port = storage::get16(port, 0);
  return true;
}

/// Whether SHA-256 over the `size` bytes from `address` on stands behind them.
bool digest_holds(storage::Flash& flash, std::uint32_t address, std::size_t size) {
  crypto::Sha256 hash;
  std::array<std::uint8_t, 128> piece;
  std::uint32_t at = address;
  for (std::size_t left = size; left != 0;) {
    const auto part = std::span(piece).first(std::min(piece.size(), left));
    if (flash.read(at, part) != FlashStatus::Ok) return false;
    hash.update(part);
    at += static_cast<std::uint32_t>(part.size());
    left -= part.size();
  }
  crypto::Digest wanted;
  return flash.read(at, wanted) == FlashStatus::Ok && hash.finish() == wanted;
}

/// One copy. `identity` is only what it says if the result is true.
bool read_copy(storage::Flash& flash, std::uint32_t address, Identity& identity) {
  storage::Row header;
  if (flash.read_row(address, header) != FlashStatus::Ok) return false;
  if (storage::get32(header, 0) != kMagic || storage::get32(header, 4) != kVersion ||
      storage::get32(header, 12) != storage::crc32(std::span(header).first(12))) {
    return false;
  }
  const std::size_t size = storage::get32(header, 8);
  if (size > kMaximumEncodedIdentity - kRowSize - kDigestSize) return false;
  return digest_holds(flash, address, kRowSize + size) &&
         read_fields(Reader(flash, address + kRowSize, size), identity);
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
