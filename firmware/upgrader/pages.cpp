#include "firmware/upgrader/pages.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/crypto/startup_hash.hpp"

namespace microvisor::firmware::upgrader {

namespace {

using storage::FlashStatus;
using update::UpdateError;
using vault::Copy;

constexpr std::uint32_t kBurst = 128;
constexpr std::uint32_t kPiece = 4096;
alignas(8) std::array<std::uint8_t, kPiece> piece_buffer;

bool all_blank(std::span<const std::uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0xFF; });
}

}  // namespace

bool PageWriter::erase(Pages pages) {
  for (std::uint32_t at = pages.address(); at < pages.end(); at += kPageSize) {
    feed();
    if (flash_.erase_page(at) != FlashStatus::Ok) return false;
  }
  return true;
}

template <typename Source>
bool PageWriter::program(std::uint32_t address, std::uint32_t size, Source source) {
  for (std::uint32_t done = 0; done < size; done += kPiece) {
    feed();
    piece_buffer.fill(0xFF);
    const std::uint32_t count = std::min(kPiece, size - done);
    if (!source(done, std::span(piece_buffer).first(count))) return false;
    for (std::uint32_t at = 0; at < count; at += kBurst) {
      const auto burst = std::span<const std::uint8_t, kBurst>(piece_buffer.data() + at, kBurst);
      if (all_blank(burst)) continue;
      if (flash_.program_burst(address + done + at, burst) != FlashStatus::Ok) return false;
    }
  }
  return true;
}

bool PageWriter::is_blank(std::uint32_t from, std::uint32_t to) {
  for (; from < to; from += storage::kRowSize) {
    storage::Row row{};
    if (flash_.read_row(from, row) != FlashStatus::Ok || !storage::is_blank(row)) return false;
  }
  return true;
}

bool PageWriter::holds_stage(const crypto::Digest& layer, const StagePlaces& places, Copy copy) {
  const std::uint32_t half = staging_.size_of(layer).value_or(0) / 2;
  const Pages pages = places.of(copy);
  if (half == 0 || half > pages.size() || !is_blank(pages.address() + half, pages.end())) return false;
  const std::uint32_t mine = copy == Copy::A ? 0 : half;
  crypto::StartupSha256 hash;
  for (std::uint32_t at = 0; at < 2 * half;) {
    feed();
    // Pieces end where the halves do.
    const std::uint32_t end = at < half ? half : 2 * half;
    const auto piece = std::span(piece_buffer).first(std::min(kPiece, end - at));
    const bool here = at - mine < half;
    const bool got =
        here ? flash_.read(pages.address() + at - mine, piece) == FlashStatus::Ok : read(layer, at, piece);
    if (!got) return false;
    hash.update(piece);
    at += static_cast<std::uint32_t>(piece.size());
  }
  return hardened::equal(hash.finish(), layer) == hardened::Verdict::Valid;
}

UpdateError PageWriter::write_stage(const crypto::Digest& layer, const StagePlaces& places, Copy copy) {
  const std::uint32_t half = staging_.size_of(layer).value_or(0) / 2;
  const std::uint32_t mine = copy == Copy::A ? 0 : half;
  const Pages pages = places.of(copy);
  const auto source = [&](std::uint32_t at, std::span<std::uint8_t> out) {
    return read(layer, mine + at, out);
  };
  if (!erase(pages) || !program(pages.address(), half, source)) return UpdateError::Storage;
  return holds_stage(layer, places, copy) ? UpdateError::None : UpdateError::Measurement;
}

UpdateError PageWriter::write_kernel(const crypto::Digest& layer, const crypto::Digest& manifest) {
  const std::uint32_t size = staging_.size_of(layer).value_or(0);
  const KernelTrailer trailer{kKernelTrailerMagic, size, staging_.size_of(manifest).value_or(0), 0};
  if (size == 0 || size > kKernelMaximumSize || trailer.manifest_size > kMaximumKernelManifest)
    return UpdateError::LayerSize;
  const auto image = [&](std::uint32_t at, std::span<std::uint8_t> out) { return read(layer, at, out); };
  const auto trailer_bytes = [&](std::uint32_t, std::span<std::uint8_t> out) {
    std::memcpy(out.data(), &trailer, sizeof trailer);
    return read(manifest, 0, out.subspan(sizeof trailer));
  };
  static_assert(kKernelTrailerSize <= kPiece);  // given as one piece
  const bool done = erase(kKernel) && program(kKernel.address(), size, image) &&
                    program(kKernelTrailer, sizeof trailer + trailer.manifest_size, trailer_bytes);
  return done ? UpdateError::None : UpdateError::Storage;
}

UpdateError PageWriter::copy_pages(Pages from, Pages to) {
  const auto source = [&](std::uint32_t at, std::span<std::uint8_t> out) {
    return flash_.read(from.address() + at, out) == FlashStatus::Ok;
  };
  return erase(to) && program(to.address(), from.size(), source) ? UpdateError::None : UpdateError::Storage;
}

}  // namespace microvisor::firmware::upgrader
