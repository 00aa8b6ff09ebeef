// What can be wrong with something a person hands us: a bundle, an ELF file, a key.
//
// Every refusal has a name, so that tests and the REST API can tell them apart, and one line for people.
// Nothing here throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace microvisor::protocol {

enum class Refusal : std::uint8_t {
  // The container.
  UploadTooLarge,   ///< more than kMaxBundleBytes
  NotAZip,          ///< no readable zip directory, or a kind of zip that bundlers do not write
  UnsafeEntryName,  ///< absolute, or with a ".." in it
  DuplicateEntry,   ///< two entries of one name: which one is meant is anybody's guess
  TooManyEntries,   ///< more than kMaxEntries
  EntryTooLarge,    ///< inflates beyond kMaxEntryBytes
  EntryCorrupt,     ///< does not inflate, or to something else than the checksum says
  // The manifest.
  NoManifest,
  ManifestTooLarge,   ///< more than kMaxManifestBytes
  ManifestMalformed,  ///< not the protobuf message it should be
  BadSignature,       ///< signed, but not by the key it should be signed by
  NoLayer,            ///< lists no layer
  TooManyLayers,      ///< more than kMaxLayers
  LayerWithoutTarget,
  EmptyRegion,       ///< region of size 0
  RegionOutOfRange,  ///< beyond the application's flash
  RegionUnaligned,   ///< in the external flash, and not whole sectors
  RegionsOverlap,
  BadHashLength,  ///< a hash that is not 32 bytes long
  BadDebugKey,    ///< not a point of P-256
  BadCrashKey,    ///< not a point of P-256
  // The layers.
  LayerMissing,         ///< referenced but not in the archive
  LayerTooLarge,        ///< larger than its region
  LayersTooLarge,       ///< together more than a device can stage
  HashMismatch,         ///< content is not what fetch_hash (and the entry's name) says
  MeasurementMismatch,  ///< measurement_hash is not that of the region after installation
  // ELF files and images.
  NotAnElf,
  WrongElfClass,  ///< not 32-bit little-endian
  WrongMachine,   ///< not Arm
  NotExecutable,  ///< an object file or a shared library
  ElfMalformed,   ///< headers point outside the file
  OutsideFlash,   ///< a load segment outside 0x0800'0000 + 1 MiB
  SegmentsOverlap,
  NoVectorTable,  ///< nothing plausible at 0x0800'0000
  ImageEmpty,
  ImageTooLarge,  ///< 1 MiB or more
  // Keys.
  BadKeyFile,  ///< not PEM, or no EC key of P-256
  // Changes of keys.
  KeyChangeMalformed,  ///< not the protobuf message it should be, too large, or without sequence
  BadSignerKey,        ///< not a point of P-256
  TooManySigners,      ///< more than kMaxSigners
  NoSignerLeft,        ///< would lock everybody out
  OldKeyChange,        ///< not newer than the last one, or from the future
  // Crash reports.
  BadCrashReport,   ///< not a report, or damaged
  ForeignCrashKey,  ///< encrypted to another key
  // The factory.
  BadDeviceRequest,  ///< not a request of a new device, or not signed with its key
  BadClaim,          ///< nothing can be claimed or transferred that way
};

/// Name of the refusal as written above, for logs and tests.
std::string_view name_of(Refusal refusal);

struct Failure {
  Refusal refusal;
  std::string message;  ///< one line, no full stop, fit to stand after "error: "
};

template <class T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> refuse(Refusal refusal, std::string message) {
  return tl::unexpected<Failure>(Failure{refusal, std::move(message)});
}

}  // namespace microvisor::protocol
