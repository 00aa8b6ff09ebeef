// Frames of the device link as the device reads them: any bytes, in any pieces. It never reads beyond what
// came and ends with the first frame that is broken.
#include <algorithm>

#include "firmware/kernel/link/frame_io.hpp"
#include "fuzz/input.hpp"

namespace link = microvisor::firmware::link;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

class Wire final : public link::Transport {
 public:
  Wire(std::span<const std::uint8_t> bytes, std::size_t piece) : left_(bytes), piece_(piece) {}

  std::size_t read(std::span<std::uint8_t> into) override {
    const std::size_t size = std::min({into.size(), piece_, left_.size()});
    std::copy_n(left_.begin(), size, into.begin());
    left_ = left_.subspan(size);
    return size;
  }
  bool write(std::span<const std::uint8_t> /*bytes*/) override { return true; }
  bool flush() override { return true; }
  [[nodiscard]] bool delivered() const override { return true; }
  [[nodiscard]] bool ended() const override { return left_.empty(); }

 private:
  std::span<const std::uint8_t> left_;
  std::size_t piece_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Wire wire(input.rest(), 1 + input.choose(256));
  link::FrameIo io(wire);
  io.restart();
  // Each call reads something, gives a frame or ends.
  for (std::size_t calls = 0;; ++calls) {
    require(calls <= 2 * size + 2);
    const bool over = wire.ended();
    const link::Received received = io.receive();
    if (received == link::Received::Broken || (received == link::Received::Nothing && over)) break;
    if (received == link::Received::Complete) {
      const link::Frame& frame = io.in();
      require(frame.which_kind != microvisor_link_Frame_data_tag ||
              frame.kind.data.size <= link::kMaximumData);
    }
  }
  return 0;
}
