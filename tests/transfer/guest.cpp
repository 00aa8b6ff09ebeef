// Decodes an image on the board, as a difference and compressed, and measures how much memory that
// takes: what the decoder has beneath it on the stack is painted before. Status 0 if all bytes are right and
// 12 KiB suffice.
#include <cstdio>
#include <cstring>
#include <new>

#include "protocol/transfer/decoder.hpp"

using namespace microvisor::protocol::transfer;

extern "C" const std::uint8_t base[], base_end[], object[], object_end[], delta[], delta_end[], compressed[],
    compressed_end[];

extern "C" void _start();
extern "C" char __stack[];

namespace {

__attribute__((section(".vectors"), used))
const void* const vectors[16] = {__stack, reinterpret_cast<const void*>(_start)};

constexpr std::size_t kAllowed = 12 * 1024;
constexpr std::size_t kPainted = 4096;
constexpr std::uint8_t kPaint = 0xA5;

std::span<const std::uint8_t> between(const std::uint8_t* from, const std::uint8_t* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

class Comparer final : public Sink {
 public:
  bool write(std::span<const std::uint8_t> bytes) override {
    right = right && position + bytes.size() <= static_cast<std::size_t>(object_end - object) &&
            std::memcmp(object + position, bytes.data(), bytes.size()) == 0;
    position += bytes.size();
    return right;
  }
  std::size_t position = 0;
  bool right = true;
};

alignas(Decoder) std::uint8_t memory[sizeof(Decoder)];
std::uint8_t* painted_from;

/// Fills what lies below this function's frame. What runs next from the same caller runs over it.
__attribute__((noinline)) void paint() {
  auto* const here = static_cast<std::uint8_t*>(__builtin_frame_address(0));
  painted_from = here - kPainted;
  for (volatile std::uint8_t* at = painted_from; at < here - 64; ++at) *at = kPaint;
}

/// Bytes of the painted stack that have been used.
__attribute__((noinline)) std::size_t used_stack() {
  std::size_t untouched = 0;
  while (untouched < kPainted && painted_from[untouched] == kPaint) ++untouched;
  return kPainted - untouched;
}

__attribute__((noinline)) Status decode(std::span<const std::uint8_t> stream, Comparer& sink,
                                        std::span<const std::uint8_t> old) {
  Decoder& decoder = *new (memory) Decoder({.first_segment = 0, .base = old}, sink);
  Status status = Status::Ok;
  for (std::size_t at = 0; at < stream.size() && status == Status::Ok; at += 1024) {
    status = decoder.push(stream.subspan(at, stream.size() - at < 1024 ? stream.size() - at : 1024));
  }
  return status;
}

bool works(const char* name, std::span<const std::uint8_t> stream, std::span<const std::uint8_t> old) {
  Comparer sink;
  paint();
  const Status status = decode(stream, sink, old);
  const std::size_t stack = used_stack();
  std::printf("%s: status %d, %u of %u bytes, decoder %u + stack %u = %u bytes\n", name,
              static_cast<int>(status), static_cast<unsigned>(stream.size()),
              static_cast<unsigned>(sink.position), static_cast<unsigned>(sizeof(Decoder)),
              static_cast<unsigned>(stack), static_cast<unsigned>(sizeof(Decoder) + stack));
  return status == Status::Complete && sink.right &&
         sink.position == static_cast<std::size_t>(object_end - object) &&
         sizeof(Decoder) + stack <= kAllowed;
}

}  // namespace

int main() {
  const bool right = works("delta", between(delta, delta_end), between(base, base_end)) &&
                     works("compressed", between(compressed, compressed_end), {});
  return right ? 0 : 1;
}
