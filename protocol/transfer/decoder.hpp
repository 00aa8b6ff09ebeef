// Decodes an object from its transfer encoding (FORMAT.md), in whatever pieces it arrives.
//
// For the device: at most 12 KiB of memory, all inside the object or on the stack, no heap, no recursion.
// Whatever the input, it stays inside the base and the object, and a step between two calls of the yield hook
// is short. It finds out whether the encoding is well-formed, not whether the object is the right one: its
// SHA-256 says that.
#pragma once

#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/transfer/format.hpp"
#include "protocol/transfer/prediction.hpp"

namespace microvisor::protocol::transfer {

enum class Status : std::uint8_t {
  Ok,          ///< goes on with the next piece
  Complete,    ///< the object has come to its end
  Malformed,   ///< not an encoding, or of another version, or more bytes than there should be
  OtherBase,   ///< made for a base of another size
  TooLarge,    ///< the object is larger than wanted
  NotAsAsked,  ///< begins at another segment
  SinkFailed,
};

/// Where the object's bytes go, in their order.
class Sink {
 public:
  /// At most kStepBytes bytes. False ends the decoding with SinkFailed.
  [[nodiscard]] virtual bool write(std::span<const std::uint8_t> bytes) = 0;

 protected:
  ~Sink() = default;
};

/// What was asked for.
struct Request {
  std::uint32_t first_segment = 0;  ///< decoding goes on at this multiple of kSegmentBytes
  std::uint32_t maximum_bytes = kMaximumObjectBytes;
  std::span<const std::uint8_t> base{};  ///< what the device runs, readable until the end; empty: none
};

inline constexpr std::uint32_t kStepBytes = 128;

class Decoder {
 public:
  using YieldHook = void (*)();

  Decoder(const Request& request, Sink& sink, YieldHook hook = nullptr);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() = default;

  /// The next piece of the encoding. Any status but Ok is final and is returned again from then on, but bytes
  /// behind a Complete object are Malformed. The hook is called after at most kStepBytes bytes read or
  /// written.
  [[nodiscard]] Status push(std::span<const std::uint8_t> piece);

  /// Size of the object, 0 until the header has been read.
  [[nodiscard]] std::uint32_t object_bytes() const { return object_bytes_; }
  /// Segments from the object's start that have been written whole: where a transfer can go on.
  [[nodiscard]] std::uint32_t whole_segments() const { return segment_; }

 private:
  enum class Field : std::uint8_t {
    Version,
    Options,
    ObjectBytes,
    FirstSegment,
    BaseBytes,
    BaseAddress,
    MapCount,
    MapStart,
    MapShift,
    None
  };

  /// A number of 7 bits a byte, lowest first, at most 32 bits and no longer than needed.
  class Number {
   public:
    enum class Result : std::uint8_t { More, Done, Malformed };
    [[nodiscard]] Result push(std::uint8_t byte);
    [[nodiscard]] std::uint32_t value() const { return value_; }

   private:
    std::uint32_t value_ = 0;
    std::uint8_t bits_ = 0;
  };

  static voidpf allocate(voidpf decoder, uInt items, uInt size);
  static void release(voidpf decoder, voidpf address);

  [[nodiscard]] Status read_header(std::uint8_t byte);
  [[nodiscard]] Status take_field(std::uint32_t value);
  [[nodiscard]] Status take_map_field(std::uint32_t value);
  [[nodiscard]] Status begin_segment();
  [[nodiscard]] Status end_segment();
  [[nodiscard]] Status inflate_some(std::span<const std::uint8_t>& piece);
  [[nodiscard]] Status interpret(std::span<const std::uint8_t> bytes);
  [[nodiscard]] Status begin_instruction(std::uint32_t value);
  [[nodiscard]] Status copy();
  [[nodiscard]] Status insert(std::uint8_t byte);
  [[nodiscard]] Status emit_inserted(std::uint32_t count);
  [[nodiscard]] Status emit(std::uint8_t byte);
  [[nodiscard]] Status flush();
  void yield() const {
    if (yield_ != nullptr) yield_();
  }

  // inflate() of zlib allocates two things: its state, of 7,120 bytes where pointers have 32 bits, and the
  // window.
  static constexpr std::size_t kInflateStateBytes = sizeof(void*) == 4 ? 7120 : 8192;
  static constexpr std::size_t kArenaBytes = kInflateStateBytes + (1U << kWindowBits);

  Request request_;
  Sink& sink_;
  YieldHook yield_;
  Status status_ = Status::Ok;

  Field field_ = Field::Version;
  Number number_;
  std::uint32_t options_ = 0;
  std::uint32_t object_bytes_ = 0;
  std::uint32_t map_left_ = 0;
  AddressMap::Entry entry_;
  AddressMap map_;
  Predictor predictor_;

  std::uint32_t segment_ = 0;
  std::uint32_t position_ = 0;           // in the object
  std::uint32_t segment_end_ = 0;        // in the object
  std::uint32_t base_position_ = 0;      // modulo 2^32; checked where it is used
  std::uint32_t instruction_bytes_ = 0;  // of this segment
  Instruction instruction_ = Instruction::Move;
  std::uint32_t left_ = 0;           // bytes of the instruction that are to come
  bool moved_ = false;               // a Move has to be followed by a Copy or an Add
  bool prediction_follows_ = false;  // the predictor stands at base_position_ and position_

  std::array<std::uint8_t, 4> inserted_{};  // not yet in the output: they may be a call
  std::uint32_t inserted_count_ = 0;
  std::uint32_t filled_ = 0;
  std::array<std::uint8_t, kStepBytes> output_{};
  std::size_t arena_used_ = 0;
  z_stream inflate_{};
  alignas(std::max_align_t) std::array<std::uint8_t, kArenaBytes> arena_{};
};

/// What push() needs of the stack beside the object, sink and hook excluded: the deepest path goes through
/// inflate() into inflate_table(), as the compiler reports the frames for the Cortex-M33 (-fstack-usage).
inline constexpr std::size_t kDecoderStackBytes = 448;
static_assert(sizeof(void*) != 4 || sizeof(Decoder) + kDecoderStackBytes <= 12 * 1024);

}  // namespace microvisor::protocol::transfer
