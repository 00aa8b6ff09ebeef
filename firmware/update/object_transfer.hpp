// The object of an update on its way into the staging area: as it is, or decoded from a transfer encoding,
// which nobody has to believe.
//
// An encoding that does not lead to the object costs bytes, not the update: the object is dropped and fetched
// anew as it is, until it is there. Each update has one of these; they share the decoder's memory as they
// share the staging area, since one object is open at a time.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/update/decoding.hpp"
#include "firmware/update/download.hpp"
#include "firmware/update/staging.hpp"

namespace microvisor::firmware::update {

class ObjectTransfer {
 public:
  /// How a step has gone. `anew`: the object has been dropped, and is to be fetched again as it is.
  struct Result {
    StagingStatus status = StagingStatus::Ok;
    bool anew = false;
  };

  ObjectTransfer(Staging& staging, Decoding& decoding) : staging_(staging), decoding_(decoding) {}

  /// As after a reset.
  void forget();
  /// Whether an encoding of the object is accepted.
  [[nodiscard]] bool accepts_encodings(const crypto::Digest& hash) const { return hash != plain_only_; }

  /// As Staging::open(). `request.base` has to stay until the object is closed.
  [[nodiscard]] StagingStatus open(const ObjectRequest& request, std::span<const crypto::Digest> keep,
                                   std::uint32_t& offset);
  /// The one that was opened last.
  [[nodiscard]] const ObjectRequest& opened() const { return opened_; }
  /// See Download::begin_encoding().
  [[nodiscard]] bool begin_encoding(std::uint32_t version);
  [[nodiscard]] Result write(std::span<const std::uint8_t> data);
  /// The object has come to its end: as Staging::finish().
  [[nodiscard]] Result close();
  /// The transfer broke off.
  void interrupt();

 private:
  [[nodiscard]] Result fetch_plain();

  Staging& staging_;
  Decoding& decoding_;
  ObjectRequest opened_;
  std::uint32_t opened_at_ = 0;  // bytes of it that were there
  bool doubtful_ = false;        // not all of the open object came as it is since it was opened
  crypto::Digest plain_only_{};  // the object that no encoding is accepted of any more
};

}  // namespace microvisor::firmware::update
