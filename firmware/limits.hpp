// Fixed capacities of the firmware, in one place. Nothing is allocated after start-up, so each of these is a
// promise that something fits and a bound on what somebody outside can make the device store.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware {

// The kernel with all calls: its image, and SRAM3 with stacks. The build fails beyond
// (device/check_image.py).
inline constexpr std::uint32_t kMaximumKernelImage = 224 * 1024;
inline constexpr std::uint32_t kMaximumKernelRam = 128 * 1024;

// Bundles (protocol/bundle.options has the same figures for the decoder; manifest_test compares them).
inline constexpr std::size_t kMaximumManifestSize = 2048;  // whole envelope, bytes
inline constexpr std::size_t kMaximumLayers = 16;
inline constexpr std::uint32_t kMaximumLayerSize = 0x10'0000;  // bytes, plain
inline constexpr std::uint32_t kEncryptedLayerOverhead =
    16 + 65;  // behind the ciphertext: tag, encapsulated key
inline constexpr std::uint32_t kMaximumModuleImage = 0x20'0000;  // bytes
inline constexpr std::size_t kMaximumManifestSigners = 4;
inline constexpr std::size_t kRememberedSigners = 8;      // that have been removed, the latest
inline constexpr std::size_t kMaximumLayerKeys = 4;       // to encrypted layers
inline constexpr std::size_t kMaximumNewKeysSize = 1024;  // whole envelope, bytes

// Vault.
inline constexpr std::size_t kMaximumCertificateSize = 1536;  // DER
inline constexpr std::size_t kMaximumHostNameSize = 253;      // RFC 1035
inline constexpr std::size_t kDeviceSidSize = 34;
inline constexpr std::size_t kMaximumStoreKeys = 48;
inline constexpr std::size_t kMaximumStoreValue = 2304;

// mbedTLS's arena: keys, the gateway's certificate and both record buffers of the link. A handshake takes
// 11,252 bytes of it at its peak, with certificates of the largest size (tests/life/memory_use_test.cpp);
// where no PKA does the public-key work, big integers and tables of points take several times that.
#if defined(MICROVISOR_HARDWARE_CRYPTO)
inline constexpr std::size_t kCryptoArena = 13'056;
#else
inline constexpr std::size_t kCryptoArena = 72 * 1024;
#endif

// Staging: the manifest and its layers, and those of the update before, which may share layers.
inline constexpr std::size_t kMaximumStagedObjects = 2 * (1 + kMaximumLayers);

// Crash reports: bytes of the application's stack, whatever its bundle asks for.
inline constexpr std::size_t kMaximumCrashStack = 7 * 1024;

}  // namespace microvisor::firmware
