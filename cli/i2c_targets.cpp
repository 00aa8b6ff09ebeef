// The table of devices; a new model needs one row.
#include "cli/i2c_targets.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "board/peripherals/mcp9808.hpp"
#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

struct Model {
  std::string_view name;
  std::unique_ptr<board::I2cSlave> (*make)();
};
constexpr Model kModels[] = {
    {"mcp9808", [] { return std::unique_ptr<board::I2cSlave>(std::make_unique<board::Mcp9808>()); }},
};

const Model* find_model(std::string_view name) {
  const auto* found = std::ranges::find(kModels, name, &Model::name);
  return found == std::end(kModels) ? nullptr : found;
}

}  // namespace

I2cTarget parse_i2c_target(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string number = text.substr(0, equals);
  char* end = nullptr;
  const unsigned long address = std::strtoul(number.c_str(), &end, 0);
  if (equals == std::string::npos || number.empty() || *end != '\0' || address < 0x08 || address > 0x77)
    throw Failure(fmt::format("not a place on the I2C bus: {} (for example 0x18=mcp9808)", text));
  const std::string device = text.substr(equals + 1);
  if (find_model(device) == nullptr)
    throw Failure(
        fmt::format("no model of an I2C device is called {} (there is: {})", device, kModels[0].name));
  return {static_cast<std::uint8_t>(address), device};
}

std::unique_ptr<board::I2cSlave> make_i2c_device(const std::string& device) {
  return find_model(device)->make();
}

}  // namespace microvisor::cli
