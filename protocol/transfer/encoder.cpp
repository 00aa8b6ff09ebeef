// See encoder.hpp. First the base is aligned with the object, then the map of shifts is learned from both,
// then each segment is written in a few ways, of which the shortest is kept.
#include "protocol/transfer/encoder.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "protocol/transfer/address_shifts.hpp"
#include "protocol/transfer/alignment.hpp"
#include "protocol/transfer/format.hpp"
#include "protocol/transfer/prediction.hpp"
#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {
namespace {

/// So many predicted bytes in a row that are right are copied, fewer are added with zeros between. What
/// compresses best differs, so each is tried.
constexpr std::array<std::uint32_t, 4> kShortestCopies{4, 8, 16, 48};

void append_number(Bytes& out, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}

/// One compressor for many short texts: it allocates once.
class Deflater {
 public:
  explicit Deflater(int strategy) {
    if (deflateInit2(&stream_, Z_BEST_COMPRESSION, Z_DEFLATED, -kWindowBits, MAX_MEM_LEVEL, strategy) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  Bytes deflated(ByteView bytes) {
    if (deflateReset(&stream_) != Z_OK) throw std::logic_error("deflateReset()");
    Bytes out(deflateBound(&stream_, static_cast<uLong>(bytes.size())));
    stream_.next_in = const_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) throw std::logic_error("deflateBound() is no bound");
    out.resize(stream_.total_out);
    return out;
  }

 private:
  z_stream stream_{};
};

/// Keeps the shortest of several.
class Shortest {
 public:
  void consider(ByteView instructions) {
    if (instructions.size() > kMaximumInstructionBytes) return;
    for (Deflater& deflater : deflaters_) {
      Bytes candidate = deflater.deflated(instructions);
      if (best_.empty() || candidate.size() < best_.size()) best_ = std::move(candidate);
    }
  }
  Bytes take() { return std::exchange(best_, {}); }

 private:
  std::array<Deflater, 2> deflaters_{Deflater(Z_DEFAULT_STRATEGY), Deflater(Z_FILTERED)};
  Bytes best_;
};

/// What is the same for all segments of an encoding.
struct Method {
  ByteView object;
  const Base& base;
  const std::vector<Piece>& pieces;
  AddressMap map;
  std::uint32_t options = 0;
};

/// Writes the instructions of one segment.
class SegmentWriter {
 public:
  SegmentWriter(const Method& method, std::uint32_t start, std::uint32_t shortest_copy)
      : method_(method),
        predictor_(method.base.bytes, method.map),
        position_(start),
        base_position_(start),
        shortest_copy_(shortest_copy) {
    predictor_.set_base_address(method.base.address);
  }

  void insert(std::uint32_t size) {
    if (size == 0) return;
    instruction(Instruction::Insert, size);
    Bytes bytes(size);
    std::copy_n(method_.object.begin() + position_, size, bytes.begin());
    if ((method_.options & kOptionAbsoluteCalls) != 0) make_calls_absolute(bytes);
    append(bytes);
    position_ += size;
    prediction_follows_ = false;
  }

  /// The next bytes of the object by what the base has at `base_offset`.
  void difference(std::uint32_t base_offset, std::uint32_t size) {
    if (base_offset != base_position_) {
      append_number(out_, zigzag(static_cast<std::int32_t>(base_offset - base_position_)) << 2 |
                              static_cast<std::uint32_t>(Instruction::Move));
      prediction_follows_ = false;
    }
    if (!prediction_follows_) predictor_.start(base_offset, position_);
    prediction_follows_ = true;
    Bytes corrections(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      corrections[i] = static_cast<std::uint8_t>(method_.object[position_ + i] - predictor_.next());
    }
    write_corrections(corrections);
    position_ += size;
    base_position_ = base_offset + size;
  }

  [[nodiscard]] const Bytes& instructions() const { return out_; }

 private:
  void instruction(Instruction kind, std::uint32_t size) {
    append_number(out_, size << 2 | static_cast<std::uint32_t>(kind));
  }
  void append(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  void make_calls_absolute(std::span<std::uint8_t> bytes) const {
    for (std::size_t at = position_ % 2; at + 4 <= bytes.size();) {
      at += convert_call(bytes.subspan(at).first<4>(), position_ + static_cast<std::uint32_t>(at), true);
    }
  }

  void write_corrections(ByteView corrections) {
    std::size_t added = 0;  // bytes that wait for an Add
    const auto flush = [&](std::size_t end) {
      if (added == 0) return;
      instruction(Instruction::Add, static_cast<std::uint32_t>(added));
      append(corrections.subspan(end - added, added));
      added = 0;
    };
    for (std::size_t at = 0; at < corrections.size();) {
      const auto rest = corrections.subspan(at);
      const auto zeros = static_cast<std::size_t>(
          std::find_if(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; }) - rest.begin());
      if (zeros >= shortest_copy_ || zeros == corrections.size()) {
        flush(at);
        instruction(Instruction::Copy, static_cast<std::uint32_t>(zeros));
        at += zeros;
      } else {
        const std::size_t more = std::max<std::size_t>(zeros, 1);
        added += more;
        at += more;
      }
    }
    flush(corrections.size());
  }

  const Method& method_;
  Predictor predictor_;
  Bytes out_;
  std::uint32_t position_;
  std::uint32_t base_position_;
  std::uint32_t shortest_copy_;
  bool prediction_follows_ = false;
};

/// The part of `piece` within [from, to) of the object; size 0 if none.
Piece clipped(const Piece& piece, std::uint32_t from, std::uint32_t to) {
  const std::uint32_t start = std::max(piece.object_offset, from);
  const std::uint32_t end = std::min(piece.object_offset + piece.size, to);
  if (start >= end) return {};
  return {start, piece.base_offset + start - piece.object_offset, end - start};
}

Bytes encode_segment(const Method& method, std::uint32_t start, Shortest& shortest) {
  const std::uint32_t end =
      std::min<std::uint32_t>(start + kSegmentBytes, static_cast<std::uint32_t>(method.object.size()));
  SegmentWriter all_new(method, start, 0);
  all_new.insert(end - start);
  shortest.consider(all_new.instructions());
  if (method.pieces.empty()) return shortest.take();
  for (const std::uint32_t shortest_copy : kShortestCopies) {
    SegmentWriter writer(method, start, shortest_copy);
    std::uint32_t at = start;
    for (const Piece& whole : method.pieces) {
      const Piece piece = clipped(whole, start, end);
      if (piece.size == 0) continue;
      writer.insert(piece.object_offset - at);
      writer.difference(piece.base_offset, piece.size);
      at = piece.object_offset + piece.size;
    }
    writer.insert(end - at);
    shortest.consider(writer.instructions());
  }
  return shortest.take();
}

Bytes header_behind_segment_number(const Base& base, const AddressMap& map) {
  Bytes out;
  append_number(out, static_cast<std::uint32_t>(base.bytes.size()));
  if (base.bytes.empty()) return out;
  append_number(out, base.address);
  append_number(out, static_cast<std::uint32_t>(map.entries().size()));
  std::uint32_t start = 0;
  for (const AddressMap::Entry& entry : map.entries()) {
    append_number(out, entry.start - start);
    append_number(out, zigzag(static_cast<std::int32_t>(entry.shift)));
    start = entry.start;
  }
  return out;
}

Encoding encode_by(const Method& method, Shortest& shortest) {
  Bytes before;
  append_number(before, kFormatVersion);
  append_number(before, method.options);
  append_number(before, static_cast<std::uint32_t>(method.object.size()));
  std::vector<Bytes> segments;
  for (std::uint32_t start = 0; start < method.object.size(); start += kSegmentBytes) {
    segments.push_back(encode_segment(method, start, shortest));
  }
  return {std::move(before), header_behind_segment_number(method.base, method.map), std::move(segments)};
}

}  // namespace

Encoding::Encoding(Bytes before_segment_number, Bytes after_segment_number, std::vector<Bytes> segments)
    : before_(std::move(before_segment_number)),
      after_(std::move(after_segment_number)),
      segments_(std::move(segments)) {}

Bytes Encoding::stream(std::uint32_t first_segment) const {
  Bytes out = before_;
  append_number(out, first_segment);
  out.insert(out.end(), after_.begin(), after_.end());
  for (std::size_t i = first_segment; i < segments_.size(); ++i) {
    out.insert(out.end(), segments_[i].begin(), segments_[i].end());
  }
  return out;
}

std::size_t Encoding::size(std::uint32_t first_segment) const {
  Bytes number;
  append_number(number, first_segment);
  std::size_t sum = before_.size() + number.size() + after_.size();
  for (std::size_t i = first_segment; i < segments_.size(); ++i) sum += segments_[i].size();
  return sum;
}

Encoding encode(ByteView object, const Base& base) {
  if (object.empty() || object.size() > kMaximumObjectBytes || base.bytes.size() > kMaximumObjectBytes) {
    throw std::invalid_argument("transfer encoding of an object that is empty or too large");
  }
  const std::vector<Piece> pieces = align(without_addresses(object), without_addresses(base.bytes));
  const AddressMap map = learn_shifts(object, base, pieces);
  Shortest shortest;
  std::optional<Encoding> best;
  for (const std::uint32_t options : {0U, kOptionAbsoluteCalls}) {
    for (const AddressMap& used : {AddressMap{}, map}) {
      if (!used.entries().empty() && base.bytes.empty()) continue;
      Encoding encoding = encode_by({object, base, pieces, used, options}, shortest);
      if (!best || encoding.size() < best->size()) best = std::move(encoding);
    }
  }
  return *std::move(best);
}

}  // namespace microvisor::protocol::transfer
