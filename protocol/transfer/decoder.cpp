// See decoder.hpp. Three layers, each fed by the one before: header fields, inflate(), instructions.
#include "protocol/transfer/decoder.hpp"

#include <algorithm>

#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {

Decoder::Number::Result Decoder::Number::push(std::uint8_t byte) {
  const std::uint32_t part = byte & 0x7FU;
  if (bits_ == 28 && part > 0xFU) return Result::Malformed;  // more than 32 bits
  value_ |= part << bits_;
  if ((byte & 0x80U) != 0) {
    if (bits_ == 28) return Result::Malformed;
    bits_ = static_cast<std::uint8_t>(bits_ + 7);
    return Result::More;
  }
  return bits_ > 0 && part == 0 ? Result::Malformed : Result::Done;
}

Decoder::Decoder(const Request& request, Sink& sink, YieldHook hook)
    : request_(request),
      sink_(sink),
      yield_(hook),
      predictor_(request.base, map_),
      segment_(request.first_segment) {
  inflate_.zalloc = &Decoder::allocate;
  inflate_.zfree = &Decoder::release;
  inflate_.opaque = this;
  // Negative: DEFLATE without the frame of zlib.
  if (inflateInit2_(&inflate_, -kWindowBits, ZLIB_VERSION, static_cast<int>(sizeof(z_stream))) != Z_OK) {
    status_ = Status::Malformed;
  }
}

// The state comes first and the window after it, once; both stay until the decoder ends.
voidpf Decoder::allocate(voidpf decoder, uInt items, uInt size) {
  auto& self = *static_cast<Decoder*>(decoder);
  const std::size_t bytes = (static_cast<std::size_t>(items) * size + 7) / 8 * 8;
  if (bytes > self.arena_.size() - self.arena_used_) return Z_NULL;
  std::uint8_t* const address = self.arena_.data() + self.arena_used_;
  self.arena_used_ += bytes;
  return address;
}

void Decoder::release(voidpf /*decoder*/, voidpf /*address*/) {}

Status Decoder::push(std::span<const std::uint8_t> piece) {
  while (!piece.empty() && status_ == Status::Ok) {
    if (field_ == Field::None) {
      status_ = inflate_some(piece);
    } else {
      status_ = read_header(piece.front());
      piece = piece.subspan(1);
    }
  }
  if (!piece.empty() && status_ == Status::Complete) status_ = Status::Malformed;
  return status_;
}

Status Decoder::read_header(std::uint8_t byte) {
  switch (number_.push(byte)) {
    case Number::Result::More: return Status::Ok;
    case Number::Result::Malformed: return Status::Malformed;
    case Number::Result::Done: break;
  }
  const std::uint32_t value = number_.value();
  number_ = {};
  const Status status = take_field(value);
  return status == Status::Ok && field_ == Field::None ? begin_segment() : status;
}

Status Decoder::take_field(std::uint32_t value) {
  switch (field_) {
    case Field::Version:
      field_ = Field::Options;
      return value == kFormatVersion ? Status::Ok : Status::Malformed;
    case Field::Options:
      options_ = value;
      field_ = Field::ObjectBytes;
      return value <= kOptionAbsoluteCalls ? Status::Ok : Status::Malformed;
    case Field::ObjectBytes:
      object_bytes_ = value;
      field_ = Field::FirstSegment;
      if (value == 0) return Status::Malformed;
      return value <= std::min(request_.maximum_bytes, kMaximumObjectBytes) ? Status::Ok : Status::TooLarge;
    case Field::FirstSegment:
      field_ = Field::BaseBytes;
      if (value >= segments_of(object_bytes_)) return Status::Malformed;
      return value == request_.first_segment ? Status::Ok : Status::NotAsAsked;
    case Field::BaseBytes:
      if (value != 0 && value != request_.base.size()) return Status::OtherBase;
      if (value == 0) request_.base = {};
      field_ = value == 0 ? Field::None : Field::BaseAddress;
      return Status::Ok;
    default: return take_map_field(value);
  }
}

Status Decoder::take_map_field(std::uint32_t value) {
  switch (field_) {
    case Field::BaseAddress:
      predictor_.set_base_address(value);
      field_ = Field::MapCount;
      return Status::Ok;
    case Field::MapCount:
      map_left_ = value;
      field_ = value == 0 ? Field::None : Field::MapStart;
      return value <= kMaximumMapEntries ? Status::Ok : Status::Malformed;
    case Field::MapStart:
      if (value > 0xFFFF'FFFFU - entry_.start) return Status::Malformed;
      entry_.start += value;
      field_ = Field::MapShift;
      return Status::Ok;
    default:
      entry_.shift = static_cast<std::uint32_t>(unzigzag(value));
      field_ = --map_left_ == 0 ? Field::None : Field::MapStart;
      return map_.append(entry_) ? Status::Ok : Status::Malformed;
  }
}

Status Decoder::begin_segment() {
  position_ = segment_ * kSegmentBytes;
  segment_end_ = std::min(position_ + kSegmentBytes, object_bytes_);
  base_position_ = position_;
  instruction_bytes_ = 0;
  number_ = {};
  left_ = 0;
  moved_ = false;
  prediction_follows_ = false;
  return inflateReset(&inflate_) == Z_OK ? Status::Ok : Status::Malformed;
}

Status Decoder::end_segment() {
  if (position_ != segment_end_ || left_ != 0 || moved_) return Status::Malformed;
  if (const Status status = flush(); status != Status::Ok) return status;
  ++segment_;
  return position_ == object_bytes_ ? Status::Complete : begin_segment();
}

// Both buffers of inflate() are short, so that it returns soon.
Status Decoder::inflate_some(std::span<const std::uint8_t>& piece) {
  std::array<std::uint8_t, 64> instructions;
  const auto some = piece.first(std::min<std::size_t>(piece.size(), kStepBytes));
  inflate_.next_in = const_cast<Bytef*>(some.data());
  inflate_.avail_in = static_cast<uInt>(some.size());
  int result = Z_OK;
  do {
    inflate_.next_out = instructions.data();
    inflate_.avail_out = static_cast<uInt>(instructions.size());
    result = inflate(&inflate_, Z_NO_FLUSH);
    const auto bytes =
        std::span<const std::uint8_t>(instructions).first(instructions.size() - inflate_.avail_out);
    // What precedes an error counts: otherwise the pieces would decide how far it comes.
    if (const Status status = interpret(bytes); status != Status::Ok) return status;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return Status::Malformed;
    yield();
  } while (result == Z_OK && inflate_.avail_out == 0);
  piece = piece.subspan(some.size() - inflate_.avail_in);
  return result == Z_STREAM_END ? end_segment() : Status::Ok;
}

Status Decoder::interpret(std::span<const std::uint8_t> bytes) {
  instruction_bytes_ += static_cast<std::uint32_t>(bytes.size());
  if (instruction_bytes_ > kMaximumInstructionBytes) return Status::Malformed;
  for (const std::uint8_t byte : bytes) {
    Status status = Status::Ok;
    if (left_ > 0) {
      --left_;
      status = instruction_ == Instruction::Add ? emit(static_cast<std::uint8_t>(predictor_.next() + byte))
                                                : insert(byte);
    } else {
      const Number::Result result = number_.push(byte);
      if (result == Number::Result::Malformed) return Status::Malformed;
      if (result == Number::Result::More) continue;
      const std::uint32_t value = number_.value();
      number_ = {};
      status = begin_instruction(value);
    }
    if (status != Status::Ok) return status;
  }
  return Status::Ok;
}

Status Decoder::begin_instruction(std::uint32_t value) {
  instruction_ = static_cast<Instruction>(value & 3U);
  const std::uint32_t count = value >> 2;
  if (instruction_ == Instruction::Move) {
    if (moved_) return Status::Malformed;
    moved_ = true;
    prediction_follows_ = false;
    base_position_ += static_cast<std::uint32_t>(unzigzag(count));
    return Status::Ok;
  }
  if (count == 0 || count > segment_end_ - position_) return Status::Malformed;
  if (instruction_ == Instruction::Insert) {
    prediction_follows_ = false;
    left_ = count;
    return moved_ ? Status::Malformed : Status::Ok;
  }
  moved_ = false;
  if (base_position_ > request_.base.size() || count > request_.base.size() - base_position_)
    return Status::Malformed;
  if (!prediction_follows_) predictor_.start(base_position_, position_);
  prediction_follows_ = true;
  base_position_ += count;
  left_ = count;
  return instruction_ == Instruction::Copy ? copy() : Status::Ok;
}

Status Decoder::copy() {
  for (; left_ > 0; --left_) {
    if (const Status status = emit(predictor_.next()); status != Status::Ok) return status;
  }
  return Status::Ok;
}

Status Decoder::insert(std::uint8_t byte) {
  if (options_ != kOptionAbsoluteCalls) return emit(byte);
  inserted_[inserted_count_++] = byte;
  std::uint32_t ready = position_ % 2;  // windows begin at even offsets
  if (inserted_count_ == inserted_.size()) ready = convert_call(inserted_, position_, false);
  const Status status = emit_inserted(ready);
  return status == Status::Ok && left_ == 0 ? emit_inserted(inserted_count_) : status;
}

Status Decoder::emit_inserted(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const Status status = emit(inserted_[i]); status != Status::Ok) return status;
  }
  std::copy(inserted_.begin() + count, inserted_.begin() + inserted_count_, inserted_.begin());
  inserted_count_ -= count;
  return Status::Ok;
}

Status Decoder::emit(std::uint8_t byte) {
  output_[filled_++] = byte;
  ++position_;
  return filled_ == output_.size() ? flush() : Status::Ok;
}

Status Decoder::flush() {
  const auto bytes = std::span<const std::uint8_t>(output_).first(filled_);
  filled_ = 0;
  if (!bytes.empty() && !sink_.write(bytes)) return Status::SinkFailed;
  yield();
  return Status::Ok;
}

}  // namespace microvisor::protocol::transfer
