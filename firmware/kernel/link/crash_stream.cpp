// See crash_stream.hpp.
#include "firmware/kernel/link/crash_stream.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::link {

void CrashStream::connection_started() {
  stream_ = 0;
  refused_ = false;
}

bool CrashStream::step(FrameIo& io) {
  if (refused_) return false;
  if (stream_ == 0) return open(io);
  if (closed_) return false;
  if (sent_ == size_) {
    closed_ = true;
    return io.send_close(stream_, microvisor_link_StreamError_STREAM_ERROR_NONE);
  }
  std::array<std::uint8_t, 256> piece;
  const std::size_t count = std::min<std::size_t>({size_ - sent_, credit_, piece.size()});
  const auto bytes = std::span(piece).first(count);
  if (count == 0 || !host_.crash_report_read(sent_, bytes) || !io.send_data(stream_, bytes)) return false;
  credit_ -= static_cast<std::uint32_t>(count);
  sent_ += static_cast<std::uint32_t>(count);
  return true;
}

bool CrashStream::open(FrameIo& io) {
  size_ = host_.crash_report_size();
  if (size_ == 0) return false;
  sent_ = credit_ = 0;
  closed_ = false;
  crypto::Sha256 hash;
  std::array<std::uint8_t, 64> piece;
  for (std::uint32_t at = 0; at < size_; at += static_cast<std::uint32_t>(piece.size())) {
    const auto bytes = std::span(piece).first(std::min<std::size_t>(piece.size(), size_ - at));
    if (!host_.crash_report_read(at, bytes)) {
      refused_ = true;  // the memory fails: perhaps not on the next connection
      return false;
    }
    hash.update(bytes);
  }
  const crypto::Digest digest = hash.finish();
  if (crypto::equal(digest, host_.crash_report_hash()) != crypto::Verdict::Valid) {
    host_.crash_report_delivered();  // decayed, or not what the device has written: nobody gets it
    return true;
  }
  stream_ = io.new_stream();
  auto& open = io.begin(stream_, microvisor_link_Frame_open_tag).kind.open;
  open.service = microvisor_link_Service_SERVICE_CRASH_REPORT;
  open.object_hash.size = static_cast<pb_size_t>(digest.size());
  std::memcpy(open.object_hash.bytes, digest.data(), digest.size());
  return io.send();
}

bool CrashStream::credited(std::uint32_t stream, std::uint32_t bytes) {
  if (stream == 0 || stream != stream_) return false;
  credit_ += bytes;
  return true;
}

bool CrashStream::closed(std::uint32_t stream, microvisor_link_StreamError error) {
  if (stream == 0 || stream != stream_) return false;
  stream_ = 0;
  if (error == microvisor_link_StreamError_STREAM_ERROR_NONE && closed_) {
    host_.crash_report_delivered();
  } else {
    refused_ = true;
  }
  return true;
}

}  // namespace microvisor::firmware::link
