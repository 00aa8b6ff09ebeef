#include "tests/kernel/kernel_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>

#include "board/debug/elf_image.hpp"
#include "cli/factory.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/image/image.hpp"
#include "firmware/kernel/link/link_host.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::tests {

namespace {

using namespace firmware;

constexpr std::uint32_t kUsart2 = 0x4000'4400;
constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr std::uint32_t kBankSize = 0x10'0000;

std::vector<std::uint8_t> load_guest(const std::string& name, const GuestParameters& parameters) {
  const auto image = board::load_elf(std::filesystem::path(MICROVISOR_KERNEL_GUESTS) / (name + ".elf"));
  if (!image) throw std::runtime_error(image.error().message);
  std::vector<std::uint8_t> flash(kBankSize, 0xFF);
  for (const auto& segment : image->segments) {
    std::copy(segment.bytes.begin(), segment.bytes.end(),
              flash.begin() + (segment.address - kApplicationFlash));
  }
  std::memcpy(flash.data() + kGuestParameters, &parameters, sizeof parameters);
  return flash;
}

/// Up to the last byte that is not blank, in whole rows.
std::size_t extent_of(std::span<const std::uint8_t> flash) {
  std::size_t extent = flash.size();
  while (extent != 0 && flash[extent - 1] == 0xFF) --extent;
  return (extent + 15) / 16 * 16;
}

/// The record an installation would have left (firmware/update/updater.cpp: format, extent, two hashes).
std::vector<std::uint8_t> installed_record(std::span<const std::uint8_t> flash) {
  const std::size_t extent = extent_of(flash);
  const crypto::Digest digest = crypto::sha256(flash.first(extent));
  std::vector<std::uint8_t> record(8 + 32 + 32);
  record[0] = 1;
  const auto extent32 = static_cast<std::uint32_t>(extent);
  std::memcpy(record.data() + 4, &extent32, sizeof extent32);
  std::copy(digest.begin(), digest.end(), record.begin() + 40);
  return record;
}

void write_journal(std::span<std::uint8_t> bank2, std::span<const std::uint8_t> record,
                   const KernelMachineSetup& setup) {
  storage::testing::PowerSupply power;
  storage::testing::FlashModel model(power);
  vault::Store store(model);
  (void)store.mount();
  const auto put = [&](vault::Key key, std::span<const std::uint8_t> value) {
    if (store.put(key, value) == vault::StoreStatus::Ok) return;
    throw std::runtime_error("the journal does not take the record");
  };
  put(vault::Key::InstalledApplication, record);
  if (!setup.manifest.empty()) put(vault::Key::InstalledManifest, setup.manifest);
  if (setup.factory_test) put(vault::Key::FactoryTest, std::array<std::uint8_t, 4>{1});
  const auto journal = model.bytes(kVaultJournal.address(), kVaultJournal.size());
  std::copy(journal.begin(), journal.end(), bank2.begin() + (kVaultJournal.address() - kMicrovisorFlash));
}

image::Identity identity() {
  image::Identity identity;
  identity.device_sid = "UV00112233445566778899aabbccddeeff";
  identity.device_private_key.fill(1);
  identity.device_certificate = {0x30, 0x00};
  identity.gateway_host = "gateway.invalid";
  identity.gateway_port = 1;
  identity.gateway_server_name = "gateway";
  identity.gateway_ca = {0x30, 0x00};
  return identity;
}

/// Symbols of kernel.elf, as `nm -C` prints them, read once.
using SymbolTable = std::map<std::string, std::uint32_t>;

SymbolTable read_symbols(const std::string& elf) {
  SymbolTable result;
  const std::string command = std::string(MICROVISOR_ARM_NM) + " -C " + elf;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 1024> line{};
  while (pipe != nullptr && fgets(line.data(), line.size(), pipe) != nullptr) {
    unsigned address = 0;
    int name = 0;
    if (std::sscanf(line.data(), "%x %*c %n", &address, &name) != 1 || name == 0) continue;
    std::string text(line.data() + name);
    text.erase(text.find_last_not_of('\n') + 1);
    result.emplace(text, address);
  }
  if (pipe != nullptr) pclose(pipe);
  return result;
}

std::uint32_t symbol_of(const std::string& elf, const std::string& name) {
  static std::map<std::string, SymbolTable> tables;
  const auto table = tables.contains(elf) ? tables.find(elf) : tables.emplace(elf, read_symbols(elf)).first;
  const auto found = table->second.find(name);
  if (found == table->second.end()) throw std::runtime_error(elf + " has no " + name);
  return found->second;
}

}  // namespace

std::vector<std::uint8_t> guest_image(const std::string& guest, const GuestParameters& parameters) {
  std::vector<std::uint8_t> image = load_guest(guest, parameters);
  image.resize(extent_of(image));
  return image;
}

/// Joins the bytes of USART2 to lines.
class KernelMachine::Terminal final : public board::SerialDevice {
 public:
  explicit Terminal(KernelMachine& machine) : machine_(machine) {}
  void byte_from_chip(std::uint8_t byte) override {
    if (byte == '\n') {
      machine_.lines_.push_back(line_);
      line_.clear();
      if (!awaited.empty() && machine_.lines_.back().rfind(awaited, 0) == 0) machine_.board_->stop();
    } else if (byte != '\r') {
      line_ += static_cast<char>(byte);
    }
  }
  void chip_ready_changed(bool) override {}
  std::string awaited;

 private:
  KernelMachine& machine_;
  std::string line_;
};

/// A network that takes everything and brings nothing.
class KernelMachine::Silence final : public board::Network {
 public:
  void send(std::span<const std::uint8_t>) override {}
  void on_receive(Receiver) override {}
  bool poll(std::chrono::microseconds) override { return false; }
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override {}
};

KernelMachine::KernelMachine(const std::string& guest, GuestParameters parameters)
    : KernelMachine(KernelMachineSetup{.guest = guest, .parameters = parameters}) {}

KernelMachine::KernelMachine(const KernelMachineSetup& setup) : terminal_(std::make_unique<Terminal>(*this)) {
  auto memories = std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1)));
  const auto flash = load_guest(setup.guest, setup.parameters);
  image::FlashImage image = image::build_flash_image(setup.identity ? *setup.identity : identity());
  write_journal(image.bank2, installed_record(flash), setup);
  memories.flash().load(0, flash);
  cli::program(memories.flash(), image);

  board::BoardOptions options;
  options.report = [this](std::string_view line) { reports_.emplace_back(line); };
  auto created = board::Board::create(std::move(memories), options);
  if (!created) throw std::runtime_error(created.error().message);
  board_ = std::move(*created);
  connect(*board_);
}

KernelMachine::KernelMachine(const board::Snapshot& snapshot) : terminal_(std::make_unique<Terminal>(*this)) {
  board::BoardOptions options;
  options.report = [this](std::string_view line) { reports_.emplace_back(line); };
  const bool modem = snapshot.contents().parts.contains("modem");
  auto resumed = board::Board::resume(snapshot, options, [&](board::Board& board) {
    connect(board);
    if (modem) attach_modem(board, std::make_unique<Silence>());
  });
  if (!resumed) throw std::runtime_error(resumed.error().message);
  board_ = std::move(*resumed);
}

void KernelMachine::connect(board::Board& board) {
  board.serial(kUsart2)->connect(terminal_.get());
  board.pins().on_output_change([this, &board](board::PinId pin, bool level) {
    if (on_pin) on_pin(pin, level, board.statistics().instructions);
  });
}

void KernelMachine::attach_modem() { attach_modem(std::make_unique<Silence>()); }
void KernelMachine::attach_modem(std::unique_ptr<board::Network> network) {
  attach_modem(*board_, std::move(network));
}

void KernelMachine::attach_modem(board::Board& board, std::unique_ptr<board::Network> network) {
  network_ = std::move(network);
  modem_ = std::make_unique<board::AtModem>(board.scheduler(), *network_);
  modem_->attach(*board.serial(kLpuart1));
  board.include("modem", [this](board::Archive& archive) { modem_->serialise(archive); });
}

KernelMachine::~KernelMachine() = default;

void KernelMachine::run(std::uint64_t milliseconds) {
  terminal_->awaited.clear();
  board_->run({.until = board_->scheduler().now() + milliseconds * 1000 * board::kTicksPerMicrosecond});
}

std::optional<std::string> KernelMachine::run_until_line(const std::string& start,
                                                         std::uint64_t milliseconds) {
  terminal_->awaited = start;
  const std::size_t before = lines_.size();
  const auto end =
      board_->run({.until = board_->scheduler().now() + milliseconds * 1000 * board::kTicksPerMicrosecond});
  terminal_->awaited.clear();
  if (end == board::RunEnd::Stopped && lines_.size() > before && lines_.back().rfind(start, 0) == 0) {
    return lines_.back();
  }
  for (const std::string& line : lines_) std::fprintf(stderr, "[uart2] %s\n", line.c_str());
  for (const std::string& line : reports_) std::fprintf(stderr, "[board] %s\n", line.c_str());
  std::array<std::uint8_t, 32> status{};
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint32_t value = word(kBootStatus + 4 * i);
    std::memcpy(status.data() + 4 * i, &value, 4);
  }
  std::fprintf(stderr, "[boot] %s; end %d after %.3f s, pc %08x\n",
               image::describe_boot_status(status).c_str(), static_cast<int>(end), seconds(),
               board_->core().state.r[15]);
  auto& core = board_->core();
  const auto ppb = [&](std::uint32_t address) { return core.peek_ppb(address, board::kSecure); };
  std::fprintf(
      stderr,
      "[core] lr %08x sp %08x ipsr %u cfsr %08x hfsr %08x sfsr %02x bfar %08x sfar %08x cfsr_ns %08x\n",
      core.state.r[14], core.state.r[13], core.state.ipsr, ppb(0xE000'ED28), ppb(0xE000'ED2C),
      ppb(0xE000'EDE4), ppb(0xE000'ED38), ppb(0xE000'EDE8), ppb(0xE002'ED28));
  for (unsigned i = 0; i < 16; ++i) {
    std::fprintf(stderr, "%08x%c", word(core.state.r[13] + 4 * i), i % 8 == 7 ? '\n' : ' ');
  }
  return std::nullopt;
}

unsigned KernelMachine::count(const std::string& start) const {
  return static_cast<unsigned>(std::count_if(
      lines_.begin(), lines_.end(), [&](const std::string& line) { return line.rfind(start, 0) == 0; }));
}

std::uint32_t KernelMachine::value_of(const std::string& name) const {
  for (const std::string& line : lines_) {
    if (line.rfind(name + " ", 0) == 0)
      return static_cast<std::uint32_t>(std::stoul(line.substr(name.size() + 1)));
  }
  return ~0u;
}

bool KernelMachine::has_reported(const std::string& text) {
  constexpr std::uint32_t kSize = 4 * sizeof(firmware::link::DeviceEvent);
  std::string memory;
  for (std::uint32_t offset = 0; offset < kSize; offset += 4) {
    const std::uint32_t value = kernel_word("(anonymous namespace)::events", offset);
    for (int shift = 0; shift < 32; shift += 8) memory += static_cast<char>(value >> shift);
  }
  return memory.find(text) != std::string::npos;
}

double KernelMachine::seconds() const { return board_->statistics().virtual_seconds; }

std::uint32_t KernelMachine::word(std::uint32_t address) {
  std::uint32_t value = 0;
  (void)board_->bus().peek(address, 4, value);
  return value;
}

std::uint32_t KernelMachine::kernel_word(const std::string& symbol, std::uint32_t offset) {
  return word(kernel_symbol("microvisor::firmware::kernel::" + symbol) + offset);
}

std::uint32_t kernel_symbol(const std::string& name) { return symbol_of(MICROVISOR_KERNEL_ELF, name); }

std::uint32_t guest_symbol(const std::string& guest, const std::string& name) {
  return symbol_of(std::string(MICROVISOR_KERNEL_GUESTS) + "/" + guest + ".elf", name);
}

}  // namespace microvisor::tests
