// Names of the refusals, one table in the order of the enumeration.
#include "protocol/bundle/failure.hpp"

#include <array>

namespace microvisor::protocol {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>({
    "UploadTooLarge",   "NotAZip",
    "UnsafeEntryName",  "DuplicateEntry",
    "TooManyEntries",   "EntryTooLarge",
    "EntryCorrupt",     "NoManifest",
    "ManifestTooLarge", "ManifestMalformed",
    "BadSignature",     "NoLayer",
    "TooManyLayers",    "LayerWithoutTarget",
    "EmptyRegion",      "RegionOutOfRange",
    "RegionUnaligned",  "RegionsOverlap",
    "BadHashLength",    "BadDebugKey",
    "BadCrashKey",      "LayerMissing",
    "LayerTooLarge",    "LayersTooLarge",
    "HashMismatch",     "MeasurementMismatch",
    "NotAnElf",         "WrongElfClass",
    "WrongMachine",     "NotExecutable",
    "ElfMalformed",     "OutsideFlash",
    "SegmentsOverlap",  "NoVectorTable",
    "ImageEmpty",       "ImageTooLarge",
    "BadKeyFile",       "KeyChangeMalformed",
    "BadSignerKey",     "TooManySigners",
    "NoSignerLeft",     "OldKeyChange",
    "BadCrashReport",   "ForeignCrashKey",
    "BadDeviceRequest", "BadClaim",
});
static_assert(kNames.size() == static_cast<std::size_t>(Refusal::BadClaim) + 1);

}  // namespace

std::string_view name_of(Refusal refusal) {
  const auto index = static_cast<std::size_t>(refusal);
  return index < kNames.size() ? kNames.at(index) : "Unknown";
}

}  // namespace microvisor::protocol
