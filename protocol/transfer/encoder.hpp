// Makes the transfer encoding of an object (FORMAT.md): compressed, or as a difference against a base. Host
// only.
//
// The same input gives the same bytes with the same zlib. No state is kept; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::protocol::transfer {

/// What the device runs, and where it lies in its memory.
struct Base {
  ByteView bytes;
  std::uint32_t address =
      0x0800'0000;  ///< of the base and of the object; a wrong one costs size, nothing else
};

/// All segments of an encoding, to be sent from any of them on.
class Encoding {
 public:
  Encoding(Bytes before_segment_number, Bytes after_segment_number, std::vector<Bytes> segments);

  /// The stream for a device that has `first_segment` whole segments already; less than segment_count().
  [[nodiscard]] Bytes stream(std::uint32_t first_segment = 0) const;
  /// Bytes of stream(first_segment): to compare with what is left of the object itself.
  [[nodiscard]] std::size_t size(std::uint32_t first_segment = 0) const;
  [[nodiscard]] std::uint32_t segment_count() const { return static_cast<std::uint32_t>(segments_.size()); }

 private:
  Bytes before_;
  Bytes after_;
  std::vector<Bytes> segments_;
};

/// `object` has 1 to kMaximumObjectBytes bytes. Without a base the encoding is compressed only; a base that
/// has nothing in common with the object does no harm.
Encoding encode(ByteView object, const Base& base = {});

}  // namespace microvisor::protocol::transfer
