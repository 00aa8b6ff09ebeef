// What a factory writes into a new device: the contents of bank 2 and the option bytes. Host library.
//
// The images (preboot, both copies of bootrom and upgrader, the signed kernel) are embedded at build time.
// The builder knows nothing of the virtual board; whoever has a board, or a programmer, copies the result
// there.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::firmware::image {

struct Identity {
  std::string device_sid;                             // "UV" and 32 lower-case hex digits
  std::array<std::uint8_t, 32> device_private_key{};  // P-256 scalar, big-endian
  std::vector<std::uint8_t> device_certificate;       // DER; in a factory's image that of the devices' CA
  std::string gateway_host;
  std::uint16_t gateway_port = 0;
  std::string gateway_server_name;
  std::vector<std::uint8_t> gateway_ca;  // DER
  std::vector<std::array<std::uint8_t, 65>>
      manifest_signers;             // keys whose app bundles the device accepts, at most 4
  std::uint64_t keys_sequence = 0;  // of the last change of keys that these follow from
};

/// Who can read the device's memories by its debug port (RM0456 section 7.6.2).
enum class ReadoutProtection : std::uint8_t {
  Level0 = 0xAA,    // everybody: development
  Level0_5 = 0x55,  // everybody those that are the application's
  Level1 = 0xDC,    // nobody what is in the flash; going back to level 0 erases it. Any value but the others
  Level2 = 0xCC,    // nobody anything, for ever
};

/// Option bytes as the FLASH registers hold them after option loading (RM0456 section 7.9).
struct OptionBytes {
  std::uint32_t optr = 0;
  std::uint32_t nsbootadd0 = 0;
  std::uint32_t nsbootadd1 = 0;
  std::uint32_t secbootadd0 = 0;
  std::uint32_t secwm1r1 = 0;
  std::uint32_t secwm1r2 = 0;
  std::uint32_t wrp1ar = 0;
  std::uint32_t wrp1br = 0;
  std::uint32_t secwm2r1 = 0;
  std::uint32_t secwm2r2 = 0;
  std::uint32_t wrp2ar = 0;
  std::uint32_t wrp2br = 0;
};

struct FlashImage {
  std::vector<std::uint8_t> bank2;  // 1 MiB, blank parts 0xFF
  OptionBytes options;
};

/// Throws std::invalid_argument with one clear line if a part of the identity does not fit.
[[nodiscard]] FlashImage build_flash_image(const Identity& identity);

/// The image for a production line: nothing in it is secret or of one device alone. The device makes its SID
/// and its key by itself at its first start. Of `common`, SID and private key are not looked at. Throws
/// std::invalid_argument.
[[nodiscard]] FlashImage build_factory_image(const Identity& common, ReadoutProtection protection);

/// The option bytes of every Microvisor device. Above level 0 the write protection of preboot and the boot
/// address are locked too.
[[nodiscard]] OptionBytes option_bytes(ReadoutProtection protection = ReadoutProtection::Level0);

/// Puts a device into the factory's test mode: the application it gets is the line's test application. Throws
/// std::invalid_argument.
void begin_factory_test(std::span<std::uint8_t> bank2);

/// What the modem of a new device dials with (protocol/link/access_point_name.hpp). Throws
/// std::invalid_argument.
void set_access_point_name(std::span<std::uint8_t> bank2, std::string_view name);

/// Replaces only the boot stages and the kernel in an existing bank 2, keeping the vault (a new firmware for
/// an old board).
void replace_firmware(std::span<std::uint8_t> bank2);

/// Sizes of the embedded images in bytes, for benchmarks and documentation.
struct ImageSizes {
  std::uint32_t preboot = 0;
  std::uint32_t bootrom = 0;   // copy A
  std::uint32_t upgrader = 0;  // copy A
  std::uint32_t kernel_flash = 0;
  std::uint32_t kernel_ram = 0;
};
[[nodiscard]] ImageSizes image_sizes();

/// The version the embedded kernel's manifest bears.
[[nodiscard]] std::string kernel_version();

/// Whether the boot status words found in BKPSRAM (32 bytes) say that a boot stage has stopped for good.
[[nodiscard]] bool boot_stopped(std::span<const std::uint8_t> words);

/// One line about the boot status words found in BKPSRAM (32 bytes), or an empty string if there are none.
[[nodiscard]] std::string describe_boot_status(std::span<const std::uint8_t> words);

/// What the update journal in a bank 2 says, for tests and tools that look at a device that was cut off: the
/// phase by the name it has in docs/update.md ("Idle", "Fetching", "Staging", "Ready", "Erasing",
/// "Programming", "Verifying", "Installed", "Failed").
struct JournalState {
  std::string phase;
  std::array<std::uint8_t, 32> target{};
  std::array<std::uint8_t, 32> installed{};  // zeros: no application
  std::uint32_t damaged_rows = 0;
  /// The update of Microvisor itself (firmware/upgrader/update_record.hpp): phase by name, number of the
  /// error.
  std::string kernel_phase;
  std::uint32_t kernel_error = 0;
  // The boot record: copies that run next, and whether the kernel has yet to prove itself.
  char bootrom = 'A';
  char upgrader = 'A';
  bool on_trial = false;
};
/// `unreadable` says which 16-byte rows of bank 2 (by index) raise an ECC error; empty: none.
[[nodiscard]] JournalState read_update_journal(std::span<const std::uint8_t> bank2,
                                               std::span<const std::uint32_t> unreadable = {});

/// Ids of the keys whose bundles the device with this bank 2 accepts, in their order; empty: it has none.
[[nodiscard]] std::vector<std::uint64_t> read_manifest_signers(
    std::span<const std::uint8_t> bank2, std::span<const std::uint32_t> unreadable = {});

}  // namespace microvisor::firmware::image
