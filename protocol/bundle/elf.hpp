// From an ELF file to the flash image that a bundle carries.
//
// What counts is what would be in the chip after a programmer has written the file: every PT_LOAD segment's
// p_filesz bytes at its *physical* address, gaps as erased flash. Memory sizes and virtual addresses say
// nothing about flash.
#pragma once

#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/failure.hpp"

namespace microvisor::protocol {

inline constexpr std::uint32_t kFlashBase = 0x0800'0000;

/// True if the file starts like an ELF file (any kind).
bool looks_like_elf(ByteView file);

/// The flash image of a 32-bit little-endian Arm executable, from 0x0800'0000 to the last byte it loads.
Result<Bytes> elf_to_image(ByteView elf);

/// Checks of a raw image, which is taken as it is otherwise: not empty, shorter than 1 MiB.
Result<void> check_image(ByteView image);

}  // namespace microvisor::protocol
