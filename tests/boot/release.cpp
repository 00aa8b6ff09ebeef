#include "tests/boot/release.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/storage/bytes.hpp"
#include "protocol/bundle/envelope.hpp"
#include "tests/boot/device.hpp"

namespace microvisor::tests {
namespace {

namespace fw = firmware;
using fw::manifest::testing::Message;

std::span<const std::uint8_t> factory_pages(fw::Pages pages) {
  static const fw::image::FlashImage image = factory_image();
  return std::span(image.bank2).subspan(pages.address() - fw::kMicrovisorFlash, pages.size());
}

}  // namespace

Bytes shipped(fw::Pages pages, std::uint32_t size) {
  const auto all = factory_pages(pages).first(size);
  std::size_t end = all.size();
  while (end > 0 && all[end - 1] == 0xFF) --end;
  Bytes bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(end));
  bytes.resize((end + 15) / 16 * 16, 0xFF);
  return bytes;
}

std::span<const std::uint8_t> kernel_pages() { return factory_pages(fw::kKernel); }

Bytes marked(Bytes image, std::uint8_t mark) {
  image.resize(image.size() + 16, mark);
  return image;
}

Bytes layer_of(Bytes a, Bytes b) {
  const std::size_t half = std::max(a.size(), b.size());
  a.resize(half, 0xFF);
  b.resize(half, 0xFF);
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::span<const std::uint8_t> half_of(const Bytes& layer, char copy) {
  return std::span(layer).subspan(copy == 'A' ? 0 : layer.size() / 2, layer.size() / 2);
}

const protocol::SigningKey& vendor_key() {
  static const protocol::SigningKey key = [] {
    std::ostringstream pem;
    pem << std::ifstream(MICROVISOR_VENDOR_KEY).rdbuf();
    auto loaded = protocol::SigningKey::from_pem(pem.str());
    if (!loaded) throw std::runtime_error("no vendor key in " MICROVISOR_VENDOR_KEY);
    return std::move(*loaded);
  }();
  return key;
}

void Release::sign(const protocol::SigningKey& key) {
  Message body;
  const auto add = [&](std::uint32_t region, const Bytes& layer) {
    body.message(1, Message().number(1, region).bytes(3, fw::crypto::sha256(layer)));
  };
  add(1, kernel);
  if (stages) add(3, bootrom), add(4, upgrader);
  body.message(2, Message().number(1, ratchet).number(2, 1).number(4, 9));
  envelope = protocol::sign_envelope(body.data(), key);
}

Bytes Release::trailer() const {
  Bytes bytes(fw::kKernelTrailerSize, 0xFF);
  fw::storage::put32(bytes, 0, fw::kKernelTrailerMagic);
  fw::storage::put32(bytes, 4, static_cast<std::uint32_t>(kernel.size()));
  fw::storage::put32(bytes, 8, static_cast<std::uint32_t>(envelope.size()));
  fw::storage::put32(bytes, 12, 0);
  std::ranges::copy(envelope, bytes.begin() + sizeof(fw::KernelTrailer));
  return bytes;
}

}  // namespace microvisor::tests
