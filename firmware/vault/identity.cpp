// Page layout: a header row (magic, format version, bytes that follow, CRC-32 of these 12 bytes), then the
// fields, each with its length in 2 bytes before it, then SHA-256 over header and fields. Fields in fixed
// order. Version 1 has the private key as it is, version 2 as a sealed box: nonce, ciphertext, tag. Version 3
// is what all devices of a production run have alike: no SID and no key, and for a certificate that of the CA
// that has to issue the device's. Version 4 is that with the SID and the sealed key which the device has
// made.
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
constexpr std::uint32_t kPlain = 1;
constexpr std::uint32_t kSealed = 2;
constexpr std::uint32_t kTemplate = 3;
constexpr std::uint32_t kMade = 4;
constexpr std::size_t kDigestSize = sizeof(crypto::Digest);
constexpr std::size_t kSealedKeySize = sizeof(crypto::PrivateKey) + crypto::kSealOverhead;

/// Which page a sealed private key stands in: a box of one is none in the other.
std::array<std::uint8_t, 4> context_of(std::uint32_t page) {
  std::array<std::uint8_t, 4> context{};
  storage::put32(context, 0, page);
  return context;
}

// ---- Writing: a page from its start, to either of two places

/// In memory, for the image builder.
class PageInMemory {
 public:
  explicit PageInMemory(std::span<std::uint8_t> out) : out_(out) {}
  void put(std::span<const std::uint8_t> data) {
    std::copy(data.begin(), data.end(), out_.begin());
    out_ = out_.subspan(data.size());
  }

 private:
  std::span<std::uint8_t> out_;
};

/// In the flash, row by row, the header last: so a page that has one was written to its end.
class PageInFlash {
 public:
  PageInFlash(storage::Flash& flash, std::uint32_t page) : flash_(flash), page_(page), at_(page) {}
  void put(std::span<const std::uint8_t> data) {
    for (const std::uint8_t byte : data) {
      row_[filled_++] = byte;
      if (filled_ < row_.size()) continue;
      if (at_ == page_) header_ = row_;
      if (at_ != page_ && good_) good_ = flash_.program_row(at_, row_) == FlashStatus::Ok;
      at_ += kRowSize;
      filled_ = 0;
    }
  }
  [[nodiscard]] bool close() { return good_ && flash_.program_row(page_, header_) == FlashStatus::Ok; }

 private:
  storage::Flash& flash_;
  std::uint32_t page_;
  std::uint32_t at_;
  storage::Row header_{};
  storage::Row row_{};
  std::size_t filled_ = 0;
  bool good_ = true;
};

std::size_t fields_size(const Identity& identity, std::size_t private_key_size) {
  constexpr std::size_t kFields = 7, kPort = 2;
  return 2 * kFields + kPort + identity.device_sid.size + private_key_size +
         identity.device_certificate.size + identity.gateway_host.size + identity.gateway_server_name.size +
         identity.gateway_ca.size;
}

constexpr std::size_t used_size(std::size_t fields) {
  return (kRowSize + fields + kDigestSize + kRowSize - 1) / kRowSize * kRowSize;
}

/// Everything up to the end of the last row, which is filled with 0xFF.
template <typename Page>
void encode(Page& page, std::uint32_t version, const Identity& identity,
            std::span<const std::uint8_t> private_key) {
  crypto::Sha256 hash;
  const auto put = [&](std::span<const std::uint8_t> data) {
    hash.update(data);
    page.put(data);
  };
  const std::size_t size = fields_size(identity, private_key.size());
  storage::Row header{};
  storage::put32(header, 0, kMagic);
  storage::put32(header, 4, version);
  storage::put32(header, 8, static_cast<std::uint32_t>(size));
  storage::put32(header, 12, storage::crc32(std::span(header).first(12)));
  put(header);
  std::array<std::uint8_t, 2> port{};
  storage::put16(port, 0, identity.gateway_port);
  for (const auto field : {identity.device_sid.span(), private_key, identity.device_certificate.span(),
                           identity.gateway_host.span(), std::span<const std::uint8_t>(port),
                           identity.gateway_server_name.span(), identity.gateway_ca.span()}) {
    std::array<std::uint8_t, 2> length{};
    storage::put16(length, 0, static_cast<std::uint16_t>(field.size()));
    put(length);
    put(field);
  }
  page.put(hash.finish());
  storage::Row rest;
  rest.fill(0xFF);
  page.put(std::span(rest).first(used_size(size) - kRowSize - size - kDigestSize));
}

// ---- Reading

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
  [[nodiscard]] bool sealed_field(const crypto::SealingKey& key, std::uint32_t page,
                                  std::span<std::uint8_t> out) {
    crypto::SealNonce nonce;
    crypto::SealTag tag;
    return size_of_next() == out.size() + crypto::kSealOverhead && take(nonce) && take(out) && take(tag) &&
           crypto::unseal(key, context_of(page), {nonce, out, tag});
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

struct Header {
  std::uint32_t version = 0;  // 0: there is none
  std::size_t size = 0;       // of the fields
};

Header read_header(storage::Flash& flash, std::uint32_t page) {
  storage::Row row;
  if (flash.read_row(page, row) != FlashStatus::Ok) return {};
  const Header header{storage::get32(row, 4), storage::get32(row, 8)};
  const bool good = storage::get32(row, 0) == kMagic && header.version >= kPlain && header.version <= kMade &&
                    storage::get32(row, 12) == storage::crc32(std::span(row).first(12)) &&
                    header.size <= kMaximumEncodedIdentity - kRowSize - kDigestSize;
  return good ? header : Header{};
}

/// The header of a page that is whole, as its SHA-256 says.
Header look(storage::Flash& flash, std::uint32_t page) {
  const Header header = read_header(flash, page);
  return header.version != 0 && digest_holds(flash, page, kRowSize + header.size) ? header : Header{};
}

/// One copy, if it is of one of two versions. `identity` is only what it says if the result is true.
bool read_copy(storage::Flash& flash, std::uint32_t page, const crypto::SealingKey& key,
               std::array<std::uint32_t, 2> versions, Identity& identity) {
  const Header header = look(flash, page);
  if (header.version != versions[0] && header.version != versions[1]) return false;
  Reader reader(flash, page + kRowSize, header.size);
  std::array<std::uint8_t, 2> port{};
  if (!reader.field(identity.device_sid)) return false;
  const bool sealed = header.version == kSealed || header.version == kMade;
  const std::span<std::uint8_t> plain(identity.device_private_key);
  if (!(sealed ? reader.sealed_field(key, page, identity.device_private_key)
               : reader.field(header.version == kTemplate ? plain.first(0) : plain))) {
    return false;
  }
  if (!reader.field(identity.device_certificate) || !reader.field(identity.gateway_host) ||
      !reader.field(port) || !reader.field(identity.gateway_server_name) ||
      !reader.field(identity.gateway_ca)) {
    return false;
  }
  identity.gateway_port = storage::get16(port, 0);
  return true;
}

bool read_any_copy(storage::Flash& flash, const crypto::SealingKey& key,
                   std::array<std::uint32_t, 2> versions, Identity& identity) {
  for (std::uint32_t page = kVaultIdentity.address(); page < kVaultIdentity.end(); page += kPageSize) {
    if (read_copy(flash, page, key, versions, identity)) return true;
  }
  return false;
}

/// `version`: kSealed or kMade.
bool write_copy(storage::Flash& flash, std::uint32_t page, std::uint32_t version,
                const crypto::SealingKey& key, const Identity& identity) {
  std::array<std::uint8_t, kSealedKeySize> box{};
  const auto contents = std::span(box).subspan<crypto::kSealNonceSize, sizeof(crypto::PrivateKey)>();
  std::copy(identity.device_private_key.begin(), identity.device_private_key.end(), contents.begin());
  const auto whole = std::span<std::uint8_t, kSealedKeySize>(box);
  if (!crypto::seal(key, context_of(page),
                    {whole.first<crypto::kSealNonceSize>(), contents, whole.last<crypto::kSealTagSize>()})) {
    box.fill(0);
    return false;
  }
  if (flash.erase_page(page) != FlashStatus::Ok) return false;
  PageInFlash out(flash, page);
  encode(out, version, identity, box);
  return out.close() && look(flash, page).version == version;
}

/// Brings both copies to `version`, the second first, each only while the other one is whole.
bool write_both(storage::Flash& flash, std::uint32_t version, const crypto::SealingKey& key,
                const Identity& identity) {
  constexpr std::uint32_t kFirst = kVaultIdentity.address(), kSecond = kFirst + kPageSize;
  // Either may be the bad one, or become it just now: then the other has to wait for it.
  for (const std::uint32_t page : {kSecond, kFirst, kSecond, kFirst}) {
    if (look(flash, page).version == version) continue;
    if (look(flash, page == kFirst ? kSecond : kFirst).version == 0) continue;
    if (!write_copy(flash, page, version, key, identity)) return false;
  }
  return look(flash, kFirst).version == version && look(flash, kSecond).version == version;
}

std::size_t encode_unsealed(std::uint32_t version, const Identity& identity,
                            std::span<const std::uint8_t> private_key, std::span<std::uint8_t> page) {
  const std::size_t used = used_size(fields_size(identity, private_key.size()));
  if (used > page.size()) return 0;
  PageInMemory out(page);
  encode(out, version, identity, private_key);
  return used;
}

}  // namespace

bool read_identity(storage::Flash& flash, const crypto::SealingKey& key, Identity& identity) {
  return read_any_copy(flash, key, {kPlain, kSealed}, identity);
}

bool seal_identity(storage::Flash& flash, const crypto::SealingKey& key, const Identity& identity) {
  for (std::uint32_t page = kVaultIdentity.address(); page < kVaultIdentity.end(); page += kPageSize) {
    if (read_header(flash, page).version != kSealed) return write_both(flash, kSealed, key, identity);
  }
  return true;  // as at every start but the first
}

bool read_template(storage::Flash& flash, Identity& identity) {
  return read_any_copy(flash, {}, {kTemplate, kTemplate}, identity);
}

bool read_made_identity(storage::Flash& flash, const crypto::SealingKey& key, Identity& identity) {
  return read_any_copy(flash, key, {kMade, kMade}, identity);
}

bool write_made_identity(storage::Flash& flash, const crypto::SealingKey& key, const Identity& identity) {
  return write_both(flash, kMade, key, identity);
}

bool complete_identity(storage::Flash& flash, const crypto::SealingKey& key, const Identity& identity) {
  return write_both(flash, kSealed, key, identity);
}

std::size_t encode_identity(const Identity& identity, std::span<std::uint8_t> page) {
  return encode_unsealed(kPlain, identity, identity.device_private_key, page);
}

std::size_t encode_template(const Identity& common, std::span<std::uint8_t> page) {
  return encode_unsealed(kTemplate, common, {}, page);
}

}  // namespace microvisor::firmware::vault
