// UTF-8 in what others send: which bytes are text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace microvisor::cloud {

/// Length of the well-formed sequence at the start of `text`, which is not empty; 0 if there is none (Unicode
/// 15, table 3-7).
std::size_t sequence_length(std::string_view text);

/// Characters (code points) of a text; nothing if it is not well-formed.
std::optional<std::size_t> count_characters(std::string_view text);

}  // namespace microvisor::cloud
