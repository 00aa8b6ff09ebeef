#include "firmware/factory/line_objects.hpp"

#include <algorithm>
#include <span>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::factory {

using update::Phase;
using update::UpdateError;

bool LineObjects::mount() {
  std::uint32_t crc = 0;
  if (!read_header(crc)) return false;
  std::uint32_t at = directory() + kLineHeaderSize;
  std::array<std::uint8_t, kLineEntrySize> entry;
  for (std::uint32_t i = 0; i < count_; ++i, at += kLineEntrySize) {
    if (!nor_.read(at, entry)) return false;
    crc = storage::crc32(entry, crc);
    const std::uint32_t offset = storage::get32(entry, 32);
    const std::uint32_t size = storage::get32(entry, 36);
    if (offset < first_ || offset > directory() || size > directory() - offset) return false;
  }
  std::array<std::uint8_t, 4> stored;
  return nor_.read(at, stored) && storage::get32(stored, 0) == crc;
}

bool LineObjects::read_header(std::uint32_t& crc) {
  std::array<std::uint8_t, kLineHeaderSize> header;
  if (nor_.size() < storage::kNorSectorSize || !nor_.read(directory(), header)) return false;
  if (storage::get32(header, 0) != kLineMagic || storage::get32(header, 4) != kLineFormat) return false;
  count_ = storage::get32(header, 8);
  first_ = storage::get32(header, 12);
  std::copy_n(header.begin() + 16, test_.size(), test_.begin());
  std::copy_n(header.begin() + 48, product_.size(), product_.begin());
  crc = storage::crc32(header);
  return count_ <= kMaximumLineObjects && first_ % storage::kNorSectorSize == 0 && first_ <= directory();
}

std::optional<LineObjects::Object> LineObjects::find(const crypto::Digest& hash) {
  std::array<std::uint8_t, kLineEntrySize> entry;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (!nor_.read(directory() + kLineHeaderSize + i * kLineEntrySize, entry)) return std::nullopt;
    if (std::equal(hash.begin(), hash.end(), entry.begin()))
      return Object{storage::get32(entry, 32), storage::get32(entry, 36)};
  }
  return std::nullopt;
}

UpdateError LineObjects::stage(update::Updater& updater, const crypto::Digest& manifest,
                               const vault::TrustAnchors& anchors) {
  if (!updater.begin(manifest, anchors, false)) return UpdateError::None;
  if (updater.phase() == Phase::Ready) return UpdateError::None;
  while (const auto request = updater.next_object()) {
    const UpdateError error = bring(updater, *request);
    if (error != UpdateError::None && updater.phase() != Phase::Fetching) return error;
  }
  return updater.phase() == Phase::Failed ? updater.error() : updater.mark_ready();
}

UpdateError LineObjects::bring(update::Updater& updater, const update::ObjectRequest& request) {
  const auto object = find(request.hash);
  if (!object) {
    updater.fail(UpdateError::Fetch);
    return UpdateError::Fetch;
  }
  const auto done = updater.open_object(request);
  if (!done) return updater.error();
  std::array<std::uint8_t, storage::kNorPageSize> buffer;
  for (std::uint32_t at = *done; at < object->size;) {
    const auto piece = std::span(buffer).first(std::min<std::size_t>(buffer.size(), object->size - at));
    if (!nor_.read(object->offset + at, piece)) {
      updater.fail(UpdateError::Storage);
      return UpdateError::Storage;
    }
    if (const UpdateError error = updater.write(piece); error != UpdateError::None) return error;
    at += static_cast<std::uint32_t>(piece.size());
  }
  return updater.close_object();
}

bool LineObjects::erase() {
  for (std::uint32_t at = first_; at < nor_.size(); at += storage::kNorSectorSize) {
    if (!nor_.erase_sector(at)) return false;
  }
  return true;
}

}  // namespace microvisor::firmware::factory
