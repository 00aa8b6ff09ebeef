// The programmer of a factory, for virtual boards: what firmware/image builds goes into a board's flash.
#pragma once

#include <span>

#include "board/memory/flash_cells.hpp"
#include "board/memory/nor_cells.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// The same option bytes by the board's names.
inline board::OptionBytes option_bytes_of(const firmware::image::OptionBytes& from) {
  board::OptionBytes options;
  options.optr = from.optr;
  options.nonsecure_boot0 = from.nsbootadd0;
  options.nonsecure_boot1 = from.nsbootadd1;
  options.secure_boot = from.secbootadd0;
  options.bank[0] = {from.secwm1r1, from.secwm1r2, from.wrp1ar, from.wrp1br};
  options.bank[1] = {from.secwm2r1, from.secwm2r2, from.wrp2ar, from.wrp2br};
  return options;
}

/// Writes bank 2 and the option bytes; they count from the next reset on.
inline void program(board::FlashCells& cells, const firmware::image::FlashImage& image) {
  cells.load(board::kFlashBankSize, image.bank2);
  cells.set_options(option_bytes_of(image.options));
}

/// The last bytes of the external flash.
inline void program_end(board::NorCells& cells, std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    cells.array().poke(cells.size() - bytes.size() + i, bytes[i]);
}

}  // namespace microvisor::cli
