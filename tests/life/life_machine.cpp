#include "tests/life/life_machine.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "cli/factory.hpp"
#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"
#include "protocol/bundle/elf.hpp"
#include "tests/link/device_identity.hpp"

namespace microvisor::test {
namespace {

constexpr std::uint32_t kUsart2 = 0x4000'4400;
constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr std::size_t kParameters = 0x400;  // where guests find them (tests/kernel/guests/guest.ld)

protocol::Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

/// Joins the bytes of USART2 to lines.
class LifeMachine::Terminal final : public board::SerialDevice {
 public:
  explicit Terminal(LifeMachine& machine) : machine_(machine) {}
  void byte_from_chip(std::uint8_t byte) override {
    if (byte == '\n') {
      machine_.lines.push_back(line_);
      machine_.line_times.push_back(machine_.now());
      line_.clear();
    } else if (byte != '\r') {
      line_ += static_cast<char>(byte);
    }
  }
  void chip_ready_changed(bool) override {}

 private:
  LifeMachine& machine_;
  std::string line_;
};

LifeMachine::LifeMachine(std::size_t certificate_size, std::uint64_t bits_per_second)
    : gateway(kSid, "gateway.microvisor.internal", certificate_size),
      terminal_(std::make_unique<Terminal>(*this)) {
  auto memories = std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1)));
  cli::program(memories.flash(),
               firmware::image::build_flash_image(identity_for(gateway, kSid, "gateway.example", owner)));
  board::BoardOptions options;
  options.report = [this](std::string_view line) { reports_.emplace_back(line); };
  auto created = board::Board::create(std::move(memories), options);
  if (!created) throw std::runtime_error(created.error().message);
  board_ = std::move(*created);
  board_->serial(kUsart2)->connect(terminal_.get());
  board::JoinedOptions joined;
  joined.names = {{"gateway.example", board::kGatewayAddress}};
  joined.bits_per_second = bits_per_second;
  network_ = std::make_unique<board::JoinedNetwork>(
      board_->scheduler(),
      [this](board::JoinedConnection& connection, std::uint32_t, std::uint16_t port) {
        return reachable && port == gateway.port() ? gateway.join(connection) : nullptr;
      },
      joined);
  modem_ = std::make_unique<board::AtModem>(board_->scheduler(), *network_);
  modem_->attach(*board_->serial(kLpuart1));
}

LifeMachine::~LifeMachine() = default;

void LifeMachine::deploy(const std::string& guest, const protocol::BundleOptions& options,
                         std::initializer_list<std::uint32_t> parameters) {
  auto image = protocol::elf_to_image(read_file(std::string(MICROVISOR_LIFE_GUESTS) + "/" + guest + ".elf"));
  if (!image) throw std::runtime_error(image.error().message);
  std::memcpy(image->data() + kParameters, std::data(parameters), parameters.size() * sizeof(std::uint32_t));
  deploy_image(*image, options);
}

void LifeMachine::deploy_image(const protocol::Bytes& image, const protocol::BundleOptions& options) {
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, options), owner);
  if (!manifest) throw std::runtime_error(manifest.error().message);
  gateway.add_object(image);
  gateway.add_object(*manifest);
  gateway.set_target(protocol::sha256(*manifest));
}

bool LifeMachine::run_until(const std::function<bool()>& done, double seconds) {
  const auto end = board_->scheduler().now() + static_cast<board::Time>(seconds * board::kTicksPerSecond);
  while (board_->scheduler().now() < end) {
    if (done()) return true;
    board_->run({.until = board_->scheduler().now() + board::kTicksPerSecond / 1000});
  }
  return done();
}

std::string LifeMachine::await_line(const std::string& start, double seconds) {
  std::string found;
  const auto look = [&] {
    while (found.empty() && passed_ < lines.size()) {
      if (lines[passed_++].rfind(start, 0) == 0) found = lines[passed_ - 1];
    }
    return !found.empty();
  };
  return run_until(look, seconds) ? found : std::string();
}

double LifeMachine::now() const {
  return static_cast<double>(board_->scheduler().now()) / static_cast<double>(board::kTicksPerSecond);
}

unsigned LifeMachine::lines_with(const std::string& start) const {
  return static_cast<unsigned>(std::count_if(
      lines.begin(), lines.end(), [&](const std::string& line) { return line.rfind(start, 0) == 0; }));
}

std::string LifeMachine::describe() {
  const auto seen = gateway.seen();
  std::string text = std::to_string(now()) + " s, resets " + std::to_string(board_->resets()) +
                     ", sessions " + std::to_string(seen.sessions);
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += "\n[uart2 " + std::to_string(line_times[i]) + "] " + lines[i];
  for (const auto& line : seen.reports) text += "\n[report] " + line;
  for (const auto& line : seen.events) text += "\n[event] " + line;
  for (const auto& line : seen.log) text += "\n[log] " + line;
  for (const auto& line : reports_) text += "\n[board] " + line;
  return text;
}

}  // namespace microvisor::test
