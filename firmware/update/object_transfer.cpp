// See object_transfer.hpp.
#include "firmware/update/object_transfer.hpp"

#include "protocol/transfer/format.hpp"

namespace microvisor::firmware::update {

void ObjectTransfer::forget() {
  decoding_.end();
  plain_only_ = {};
}

StagingStatus ObjectTransfer::open(const ObjectRequest& request, std::span<const crypto::Digest> keep,
                                   std::uint32_t& offset) {
  const StagingStatus status = staging_.open(request.hash, request.maximum_size, keep, offset);
  if (status != StagingStatus::Ok) return status;
  decoding_.end();
  opened_ = request;
  opened_at_ = offset;
  doubtful_ = offset > 0;
  return status;
}

bool ObjectTransfer::begin_encoding(std::uint32_t version) {
  const bool at_the_start = staging_.written() == opened_at_ && !decoding_.active();
  if (version != protocol::transfer::kFormatVersion || !opened_.accepts_encodings || !at_the_start)
    return false;
  decoding_.begin(opened_at_, opened_.maximum_size, opened_.base.bytes);
  doubtful_ = true;
  return true;
}

ObjectTransfer::Result ObjectTransfer::write(std::span<const std::uint8_t> data) {
  if (!decoding_.active()) return {staging_.write(data)};
  const StagingStatus status = decoding_.decode(data);
  if (status == StagingStatus::WrongHash) return fetch_plain();
  return {status};
}

ObjectTransfer::Result ObjectTransfer::close() {
  if (decoding_.active() && !decoding_.complete()) return fetch_plain();
  decoding_.end();
  const StagingStatus status = staging_.finish();
  if (status == StagingStatus::WrongHash && doubtful_ && accepts_encodings(opened_.hash))
    return fetch_plain();
  return {status};
}

/// An encoding was no good, or what had come of the object before.
ObjectTransfer::Result ObjectTransfer::fetch_plain() {
  decoding_.end();
  plain_only_ = opened_.hash;
  const StagingStatus dropped = staging_.drop(opened_.hash);
  return {dropped == StagingStatus::Ok ? StagingStatus::WrongHash : dropped, dropped == StagingStatus::Ok};
}

void ObjectTransfer::interrupt() {
  decoding_.end();
  staging_.suspend();
}

}  // namespace microvisor::firmware::update
