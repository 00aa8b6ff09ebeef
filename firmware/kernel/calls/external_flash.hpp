// The application's part of the external flash: everything behind the staging area of updates. It behaves as
// NOR flash does: programming clears bits, erasing sets those of whole sectors; nothing is erased by itself.
#pragma once

#include <algorithm>

#include "firmware/kernel/calls/storage.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel::calls {

inline constexpr std::uint32_t kExternalFlashStart = kApplicationNor;
inline constexpr std::uint32_t kExternalFlashSize = kNorSize - kExternalFlashStart;
inline constexpr std::uint32_t kExternalFlashSector = 4096;

inline bool external_flash_handle_valid(abi::ExternalFlashHandle handle) {
  return services().external_flash.find(handle).has_value();
}

inline bool in_external_flash(std::uint32_t address, std::uint32_t length) {
  return address <= kExternalFlashSize && length <= kExternalFlashSize - address;
}

/// Length of the piece that begins at `at` and stays inside its page.
inline std::uint32_t piece_of_page(std::uint32_t at, std::uint32_t left) {
  return std::min(left, StorageJob::kPiece - at % StorageJob::kPiece);
}

template <>
struct FlashCallBody<Gate::ExternalFlashOpen> {
  static Status run(const abi::ExternalFlashOpenArguments& a) {
    Services& s = services();
    if (!can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    if (s.external_flash_chip == 0) return Status::UNAVAILABLE;
    const auto index = s.external_flash.allocate();
    return index ? tell_checked(a.handle, s.external_flash.handle(*index)) : Status::TOOMANYCHANNELS;
  }
};

template <>
struct FlashCallBody<Gate::ExternalFlashClose> {
  static Status run(const abi::ExternalFlashCloseArguments& a) {
    return close_handle(a.handle, [](abi::ExternalFlashHandle handle) {
      Services& s = services();
      const auto index = s.external_flash.find(handle);
      if (!index) return Status::INVALIDHANDLE;
      s.external_flash.release(*index);
      s.restarts.abandon(handle);
      return Status::OKAY;
    });
  }
};

template <>
struct FlashCallBody<Gate::ExternalFlashGetInfo> {
  static Status run(const abi::ExternalFlashGetInfoArguments& a) {
    abi::ExternalFlashInfo info;
    if (!application_can_write(a.info, sizeof info)) return Status::PARAMETERFAULT;
    copy_from_application(&info, a.info, sizeof info);
    const Services& s = services();
    if (!external_flash_handle_valid(a.handle)) return Status::INVALIDHANDLE;
    if (info.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    info.chip_id = s.external_flash_chip;
    info.size = kExternalFlashSize;
    info.num_handles = s.external_flash.in_use();
    return tell_checked(a.info, info);
  }
};

template <>
struct FlashCallBody<Gate::ExternalFlashReadBlocking> {
  static Status run(const abi::ExternalFlashReadBlockingArguments& a) {
    if (!external_flash_handle_valid(a.handle)) return Status::INVALIDHANDLE;
    if (!in_external_flash(a.address, a.length)) return Status::ADDRESSOUTOFRANGE;
    if (!application_can_write(a.buffer, a.length)) return Status::PARAMETERFAULT;
    return work_by_pieces(
        Gate::ExternalFlashReadBlocking, a.handle, a.length,
        [&](StorageJob& job, std::uint32_t progress) {
          job.kind = StorageJob::Kind::NorRead;
          job.offset = kExternalFlashStart + a.address + progress;
          job.length = piece_of_page(job.offset, a.length - progress);
        },
        [&](const StorageJob& job, std::uint32_t progress) {
          copy_to_application(a.buffer + progress, job.data.data(), job.length);
        });
  }
};

template <>
struct FlashCallBody<Gate::ExternalFlashWriteBlocking> {
  static Status run(const abi::ExternalFlashWriteBlockingArguments& a) {
    if (!external_flash_handle_valid(a.handle)) return Status::INVALIDHANDLE;
    if (!in_external_flash(a.address, a.length)) return Status::ADDRESSOUTOFRANGE;
    if (!application_can_read(a.buffer, a.length)) return Status::PARAMETERFAULT;
    return work_by_pieces(
        Gate::ExternalFlashWriteBlocking, a.handle, a.length,
        [&](StorageJob& job, std::uint32_t progress) {
          job.kind = StorageJob::Kind::NorProgram;
          job.offset = kExternalFlashStart + a.address + progress;
          job.length = piece_of_page(job.offset, a.length - progress);
          copy_from_application(job.data.data(), a.buffer + progress, job.length);
        },
        [](const StorageJob&, std::uint32_t) {});
  }
};

template <>
struct FlashCallBody<Gate::ExternalFlashEraseBlocking> {
  static Status run(const abi::ExternalFlashEraseBlockingArguments& a) {
    if (!external_flash_handle_valid(a.handle)) return Status::INVALIDHANDLE;
    if (a.address % kExternalFlashSector != 0 || a.length % kExternalFlashSector != 0) {
      return Status::INVALIDBUFFERALIGNMENT;
    }
    if (a.length == 0) return Status::PARAMETERFAULT;
    if (!in_external_flash(a.address, a.length)) return Status::ADDRESSOUTOFRANGE;
    return work_by_pieces(
        Gate::ExternalFlashEraseBlocking, a.handle, a.length,
        [&](StorageJob& job, std::uint32_t progress) {
          job.kind = StorageJob::Kind::NorErase;
          job.offset = kExternalFlashStart + a.address + progress;
          job.length = kExternalFlashSector;
        },
        [](const StorageJob&, std::uint32_t) {});
  }
};

}  // namespace microvisor::firmware::kernel::calls
