#include "cli/factory_files.hpp"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "firmware/image/intel_hex.hpp"
#include "firmware/image/option_fields.hpp"
#include "firmware/layout.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;
using firmware::image::FlashImage;
using firmware::image::OptionBytes;
using nlohmann::ordered_json;

constexpr const char* kHexName = "microvisor.hex";
constexpr const char* kBinName = "microvisor.bin";
constexpr const char* kOptionsName = "option-bytes.json";
constexpr const char* kScriptName = "program.sh";
constexpr std::uint32_t kBankSize = firmware::kPagesPerBank * firmware::kPageSize;

constexpr std::string_view kScript =
    "#!/bin/sh\n"
    "# Programs one new STM32U585 by STM32CubeProgrammer. The order matters: docs/factory.md.\n"
    "set -eu\n"
    "cd \"$(dirname \"$0\")\"\n"
    "programmer=${STM32_PROGRAMMER_CLI:-STM32_Programmer_CLI}\n"
    "connect=\"-c port=SWD mode=UR\"\n"
    "# 1. TrustZone on, bank 2 secure. Nothing starts: the flash is empty.\n"
    "$programmer $connect -ob TZEN=1\n"
    "$programmer $connect -ob SECWM2_PSTRT=0x0 SECWM2_PEND=0x7F\n"
    "# 2. Microvisor into bank 2, read back.\n"
    "$programmer $connect -e all\n"
    "$programmer $connect -d microvisor.hex -v\n"
    "# 3. All option bytes, read-out protection last: the next start is the first one that counts.\n"
    "$programmer $connect -ob";

std::string hex(std::uint32_t value) { return fmt::format("0x{:08X}", value); }

ordered_json options_json(const FlashImage& image) {
  ordered_json all;
  all["chip"] = "STM32U585";
  all["kernel_version"] = firmware::image::kernel_version();
  all["flash_address"] = hex(firmware::kMicrovisorFlash);
  all["flash_sha256"] = protocol::to_hex(protocol::sha256(image.bank2));
  for (const auto& each : firmware::image::option_registers())
    all["registers"][each.name] = hex(image.options.*each.value);
  all["fields"] = ordered_json::array();
  for (const auto& field : firmware::image::option_fields(image.options)) {
    all["fields"].push_back(
        {{"name", field.name}, {"value", fmt::format("0x{:X}", field.value)}, {"reason", field.reason}});
  }
  return all;
}

/// The option bytes in one go, because read-out protection has to be up before the first start and can only
/// be raised last.
std::string script(const OptionBytes& options) {
  std::string fields;
  std::string protection;
  for (const auto& field : firmware::image::option_fields(options)) {
    const std::string text = fmt::format(" {}=0x{:X}", field.name, field.value);
    (std::string_view(field.name) == "RDP" ? protection : fields) += text;
  }
  return std::string(kScript) + fields + protection + "\n";
}

void write_text(const fs::path& file, const std::string& text) { write_file(file, protocol::as_bytes(text)); }

std::uint32_t register_value(const ordered_json& registers, const char* name) {
  const std::string text = text_of(registers, name);
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  if (!text.starts_with("0x") || std::from_chars(text.data() + 2, end, value, 16).ptr != end ||
      text.size() < 3)
    throw Failure(std::string("no value of the register ") + name);
  return value;
}

OptionBytes read_options(const fs::path& file, const std::vector<std::uint8_t>& bank2) {
  const auto all = ordered_json::parse(protocol::as_text(read_file(file)), nullptr, false);
  if (!all.is_object() || !all.contains("registers")) throw Failure("no option bytes");
  if (text_of(all, "flash_sha256") != protocol::to_hex(protocol::sha256(bank2)))
    throw Failure("these option bytes belong to another flash image");
  OptionBytes options;
  for (const auto& each : firmware::image::option_registers())
    options.*each.value = register_value(all["registers"], each.name);
  return options;
}

/// `read` with the file's name before what it complains about.
template <typename Read>
auto named(const fs::path& file, Read read) {
  try {
    return read();
  } catch (const std::exception& error) {
    const std::string line = error.what();
    throw Failure(line.starts_with(file.string()) ? line : file.string() + ": " + line);
  }
}

}  // namespace

void write_factory_files(const fs::path& directory, const FlashImage& image) {
  std::error_code error;
  if (!fs::exists(directory, error) && !fs::create_directories(directory, error))
    throw Failure("cannot make " + directory.string() + ": " + error.message());
  write_text(directory / kHexName, firmware::image::to_intel_hex(firmware::kMicrovisorFlash, image.bank2));
  write_file(directory / kBinName, image.bank2);
  write_text(directory / kOptionsName, options_json(image).dump(2) + "\n");
  write_text(directory / kScriptName, script(image.options));
  fs::permissions(directory / kScriptName, fs::perms::owner_exec, fs::perm_options::add, error);
}

FlashImage read_factory_files(const fs::path& directory) {
  FlashImage image;
  const fs::path flash = directory / kHexName;
  image.bank2 = named(flash, [&] {
    return firmware::image::from_intel_hex(protocol::as_text(read_file(flash)), firmware::kMicrovisorFlash,
                                           kBankSize);
  });
  const fs::path options = directory / kOptionsName;
  image.options = named(options, [&] { return read_options(options, image.bank2); });
  return image;
}

}  // namespace microvisor::cli
