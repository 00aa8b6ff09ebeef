// Log messages, kept in the application's buffer until they are sent.
//
// The buffer is a ring of records: a header, the text, padding to 4 bytes. The application can write there,
// so nothing of it is believed: positions and the number of bytes in use are the kernel's own, and a header
// that does not fit them makes the whole content count as lost. What does not fit or comes too fast is
// refused and counted; the count goes out with the next record. Used by system calls and, under Atomic, by
// the worker.
#pragma once

#include <cstdint>
#include <span>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/memory_claims.hpp"
#include "firmware/kernel/resident/pieces.hpp"
#include "firmware/kernel/resident/rate_limit.hpp"

namespace microvisor::firmware::kernel {

class ServerLog {
 public:
  static constexpr std::uint32_t kMaximumMessage = 1024;
  static constexpr std::uint32_t kGranule = 512;
  static constexpr std::uint32_t kMaximumBuffer = 65'536;

  /// One record as it comes out.
  struct Record {
    std::uint64_t logged_at =
        0;                      // microseconds since start: the wall clock may be known only when it is sent
    std::uint32_t dropped = 0;  // messages lost before it
    std::uint32_t length = 0;
  };

  void reset();
  [[nodiscard]] bool initialised() const { return size_ != 0; }
  [[nodiscard]] bool empty() const { return used_ == 0; }

  [[nodiscard]] abi::Status initialise(Address buffer, std::uint32_t size, MemoryClaims& claims);
  /// `now` in microseconds, for the rate and the record. Long messages are copied by pieces: kAgain until the
  /// last one, which makes a record of them.
  [[nodiscard]] abi::Status log(Address message, std::uint32_t length, std::uint64_t now);
  /// Takes the oldest record; `text` has at least kMaximumMessage bytes. False: there is none.
  [[nodiscard]] bool take(Record& record, std::span<std::uint8_t> text);

 private:
  struct Header {
    std::uint64_t logged_at;
    std::uint32_t dropped;
    std::uint32_t length;
  };
  [[nodiscard]] abi::Status drop() {
    ++dropped_;
    return abi::Status::INVALIDBUFFERSIZE;
  }
  void put(const void* from, std::uint32_t size);
  /// Copies to `ahead` bytes behind the last record.
  void copy_ahead(std::uint32_t ahead, Address from, std::uint32_t size) const;
  void get(void* to, std::uint32_t size);

  Address buffer_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t head_ = 0;  // where the next record goes
  std::uint32_t tail_ = 0;  // the oldest record
  std::uint32_t used_ = 0;
  std::uint32_t dropped_ = 0;
  Pieces pieces_;
  RateLimit<32, 8> rate_;
};

}  // namespace microvisor::firmware::kernel
