// See program.hpp.
#include "cli/crash/program.hpp"

#include <utility>

#include "cli/failure.hpp"

namespace microvisor::cli {

namespace {

template <class Value, class Error>
Value value_or_fail(tl::expected<Value, Error> result, const std::string& file) {
  if (result) return std::move(*result);
  if constexpr (std::is_same_v<Error, std::string>) {
    throw Failure(file + ": " + result.error());
  } else {
    throw Failure(file + ": " + result.error().message);
  }
}

}  // namespace

Program read_program(const std::string& file) {
  if (file.empty()) return {};
  auto bytes = value_or_fail(board::read_image_file(file), file);
  return {.symbols = value_or_fail(board::parse_symbols(bytes), file),
          .image = value_or_fail(board::parse_elf(bytes), file),
          .debug = value_or_fail(DebugInformation::parse(std::move(bytes)), file)};
}

}  // namespace microvisor::cli
