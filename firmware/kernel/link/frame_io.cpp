// See frame_io.hpp.
#include "firmware/kernel/link/frame_io.hpp"

#include <pb_decode.h>
#include <pb_encode.h>

#include <algorithm>
#include <cstring>

namespace microvisor::firmware::link {

void FrameIo::restart() {
  input_size_ = 0;
  next_stream_ = 1;
}

/// Reads until `wanted` bytes of the current frame are there. Never reads beyond: the rest stays in the
/// transport.
bool FrameIo::fill(std::size_t wanted) {
  while (input_size_ < wanted) {
    const std::size_t count = transport_->read(std::span(input_).subspan(input_size_, wanted - input_size_));
    if (count == 0) return false;
    input_size_ += count;
  }
  return true;
}

Received FrameIo::receive() {
  if (!fill(2)) return Received::Nothing;
  const std::size_t size = static_cast<std::size_t>(input_[0]) << 8 | input_[1];
  if (size == 0 || size > kMaximumFrame) return Received::Broken;
  if (!fill(2 + size)) return Received::Nothing;
  input_size_ = 0;
  in_ = microvisor_link_Frame_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(input_.data() + 2, size);
  return pb_decode(&stream, microvisor_link_Frame_fields, &in_) ? Received::Complete : Received::Broken;
}

Frame& FrameIo::begin(std::uint32_t stream, pb_size_t kind) {
  out_ = microvisor_link_Frame_init_zero;
  out_.stream = stream;
  out_.which_kind = kind;
  return out_;
}

bool FrameIo::send() {
  pb_ostream_t stream = pb_ostream_from_buffer(output_.data() + 2, output_.size() - 2);
  if (!pb_encode(&stream, microvisor_link_Frame_fields, &out_)) return false;
  output_[0] = static_cast<std::uint8_t>(stream.bytes_written >> 8);
  output_[1] = static_cast<std::uint8_t>(stream.bytes_written);
  return transport_->write({output_.data(), 2 + stream.bytes_written});
}

bool FrameIo::send_data(std::uint32_t stream, std::span<const std::uint8_t> bytes) {
  const std::size_t size = std::min(bytes.size(), kMaximumData);
  out_.stream = stream;
  out_.which_kind = microvisor_link_Frame_data_tag;
  out_.kind.data.size = static_cast<pb_size_t>(size);
  std::memmove(out_.kind.data.bytes, bytes.data(), size);  // perhaps they are there: data_buffer()
  return send();
}

bool FrameIo::send_credit(std::uint32_t stream, std::uint32_t bytes) {
  begin(stream, microvisor_link_Frame_credit_tag).kind.credit.bytes = bytes;
  return send();
}

bool FrameIo::send_close(std::uint32_t stream, microvisor_link_StreamError error) {
  begin(stream, microvisor_link_Frame_close_tag).kind.close.error = error;
  return send();
}

std::uint32_t FrameIo::new_stream() {
  const std::uint32_t number = next_stream_;
  next_stream_ += 2;
  return number;
}

}  // namespace microvisor::firmware::link
