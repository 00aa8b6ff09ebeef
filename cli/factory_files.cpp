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
constexpr const char* kNorHexName = "nor.hex";
constexpr const char* kNorBinName = "nor.bin";
constexpr const char* kOptionsName = "option-bytes.json";
constexpr const char* kScriptName = "program.sh";
constexpr std::uint32_t kBankSize = firmware::kPagesPerBank * firmware::kPageSize;
/// Where OCTOSPI1 shows the external flash [RM0456 2.3.2]: external loaders of programmers count from there.
constexpr std::uint32_t kNorAddress = 0x9000'0000;

constexpr std::string_view kScript =
    "#!/bin/sh\n"
    "# Programs one new STM32U585 by STM32CubeProgrammer. The order matters: docs/factory.md.\n"
    "set -eu\n"
    "cd \"$(dirname \"$0\")\"\n"
    "programmer=${STM32_PROGRAMMER_CLI:-STM32_Programmer_CLI}\n"
    "connect=\"-c port=SWD mode=UR\"\n";

constexpr std::string_view kNorScript =
    "# Applications into the external flash, while the chip still is as delivered.\n"
    "$programmer $connect -el \"${STM32_EXTERNAL_LOADER:?the loader (.stldr) for this board's NOR}\" -d "
    "nor.hex -v\n";

constexpr std::string_view kFlashScript =
    "# 1. TrustZone on, bank 2 secure. Nothing starts: the flash is empty.\n"
    "$programmer $connect -ob TZEN=1\n"
    "$programmer $connect -ob SECWM2_PSTRT=0x0 SECWM2_PEND=0x7F\n"
    "# 2. Microvisor into bank 2, read back.\n"
    "$programmer $connect -e all\n"
    "$programmer $connect -d microvisor.hex -v\n"
    "# 3. All option bytes, read-out protection last: the next start is the first one that counts.\n"
    "$programmer $connect -ob";

std::string hex(std::uint32_t value) { return fmt::format("0x{:08X}", value); }

std::uint32_t nor_address(std::size_t size) {
  return kNorAddress + firmware::kNorSize - static_cast<std::uint32_t>(size);
}

ordered_json options_json(const FactoryFiles& files) {
  const FlashImage& image = files.flash;
  ordered_json all;
  all["chip"] = "STM32U585";
  all["kernel_version"] = firmware::image::kernel_version();
  all["flash_address"] = hex(firmware::kMicrovisorFlash);
  all["flash_sha256"] = protocol::to_hex(protocol::sha256(image.bank2));
  if (!files.nor.empty()) {
    all["nor_address"] = hex(nor_address(files.nor.size()));
    all["nor_sha256"] = protocol::to_hex(protocol::sha256(files.nor));
  }
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
std::string script(const OptionBytes& options, bool with_nor) {
  std::string fields;
  std::string protection;
  for (const auto& field : firmware::image::option_fields(options)) {
    const std::string text = fmt::format(" {}=0x{:X}", field.name, field.value);
    (std::string_view(field.name) == "RDP" ? protection : fields) += text;
  }
  return std::string(kScript).append(with_nor ? kNorScript : "").append(kFlashScript) + fields + protection +
         "\n";
}

void write_text(const fs::path& file, const std::string& text) { write_file(file, protocol::as_bytes(text)); }

std::uint32_t number_of(const ordered_json& members, const char* name) {
  const std::string text = text_of(members, name);
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  if (!text.starts_with("0x") || std::from_chars(text.data() + 2, end, value, 16).ptr != end ||
      text.size() < 3)
    throw Failure(std::string("no value of ") + name);
  return value;
}

ordered_json read_description(const fs::path& file) {
  auto all = ordered_json::parse(protocol::as_text(read_file(file)), nullptr, false);
  if (!all.is_object() || !all.contains("registers")) throw Failure("no option bytes");
  return all;
}

OptionBytes options_of(const ordered_json& all, const std::vector<std::uint8_t>& bank2) {
  if (text_of(all, "flash_sha256") != protocol::to_hex(protocol::sha256(bank2)))
    throw Failure("these option bytes belong to another flash image");
  OptionBytes options;
  for (const auto& each : firmware::image::option_registers())
    options.*each.value = number_of(all["registers"], each.name);
  return options;
}

std::vector<std::uint8_t> read_nor(const fs::path& file, const ordered_json& description) {
  const std::uint32_t address = number_of(description, "nor_address");
  const std::uint32_t offset = address - kNorAddress;
  if (offset >= firmware::kNorSize) throw Failure("not an address in the external flash");
  auto nor = firmware::image::from_intel_hex(protocol::as_text(read_file(file)), address,
                                             firmware::kNorSize - offset);
  if (text_of(description, "nor_sha256") != protocol::to_hex(protocol::sha256(nor)))
    throw Failure("not what its description says");
  return nor;
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

void write_factory_files(const fs::path& directory, const FactoryFiles& files) {
  const FlashImage& image = files.flash;
  std::error_code error;
  if (!fs::exists(directory, error) && !fs::create_directories(directory, error))
    throw Failure("cannot make " + directory.string() + ": " + error.message());
  write_text(directory / kHexName, firmware::image::to_intel_hex(firmware::kMicrovisorFlash, image.bank2));
  write_file(directory / kBinName, image.bank2);
  write_text(directory / kOptionsName, options_json(files).dump(2) + "\n");
  if (!files.nor.empty()) {
    write_text(directory / kNorHexName,
               firmware::image::to_intel_hex(nor_address(files.nor.size()), files.nor));
    write_file(directory / kNorBinName, files.nor);
  }
  write_text(directory / kScriptName, script(image.options, !files.nor.empty()));
  fs::permissions(directory / kScriptName, fs::perms::owner_exec, fs::perm_options::add, error);
}

FactoryFiles read_factory_files(const fs::path& directory) {
  FactoryFiles files;
  const fs::path flash = directory / kHexName;
  files.flash.bank2 = named(flash, [&] {
    return firmware::image::from_intel_hex(protocol::as_text(read_file(flash)), firmware::kMicrovisorFlash,
                                           kBankSize);
  });
  const fs::path options = directory / kOptionsName;
  const ordered_json description = named(options, [&] { return read_description(options); });
  files.flash.options = named(options, [&] { return options_of(description, files.flash.bank2); });
  const fs::path nor = directory / kNorHexName;
  if (description.contains("nor_address")) files.nor = named(nor, [&] { return read_nor(nor, description); });
  return files;
}

}  // namespace microvisor::cli
