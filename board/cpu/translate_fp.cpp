// Translators of the floating-point extension (DDI0553 section C2.4.?).
#include "board/cpu/translate.hpp"

namespace microvisor::board {

std::span<const Encoding> floating_point_encodings() { return {}; }

}  // namespace microvisor::board
