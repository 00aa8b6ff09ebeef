// Names of the refusals, one table.
#include "protocol/bundle/failure.hpp"

namespace microvisor::protocol {

std::string_view name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::UploadTooLarge: return "UploadTooLarge";
    case Refusal::NotAZip: return "NotAZip";
    case Refusal::UnsafeEntryName: return "UnsafeEntryName";
    case Refusal::DuplicateEntry: return "DuplicateEntry";
    case Refusal::TooManyEntries: return "TooManyEntries";
    case Refusal::EntryTooLarge: return "EntryTooLarge";
    case Refusal::EntryCorrupt: return "EntryCorrupt";
    case Refusal::NoManifest: return "NoManifest";
    case Refusal::ManifestTooLarge: return "ManifestTooLarge";
    case Refusal::ManifestMalformed: return "ManifestMalformed";
    case Refusal::BadSignature: return "BadSignature";
    case Refusal::NoLayer: return "NoLayer";
    case Refusal::TooManyLayers: return "TooManyLayers";
    case Refusal::LayerWithoutTarget: return "LayerWithoutTarget";
    case Refusal::EmptyRegion: return "EmptyRegion";
    case Refusal::RegionOutOfRange: return "RegionOutOfRange";
    case Refusal::RegionsOverlap: return "RegionsOverlap";
    case Refusal::BadHashLength: return "BadHashLength";
    case Refusal::BadDebugKey: return "BadDebugKey";
    case Refusal::BadCrashKey: return "BadCrashKey";
    case Refusal::LayerMissing: return "LayerMissing";
    case Refusal::LayerTooLarge: return "LayerTooLarge";
    case Refusal::HashMismatch: return "HashMismatch";
    case Refusal::MeasurementMismatch: return "MeasurementMismatch";
    case Refusal::NotAnElf: return "NotAnElf";
    case Refusal::WrongElfClass: return "WrongElfClass";
    case Refusal::WrongMachine: return "WrongMachine";
    case Refusal::NotExecutable: return "NotExecutable";
    case Refusal::ElfMalformed: return "ElfMalformed";
    case Refusal::OutsideFlash: return "OutsideFlash";
    case Refusal::SegmentsOverlap: return "SegmentsOverlap";
    case Refusal::NoVectorTable: return "NoVectorTable";
    case Refusal::ImageEmpty: return "ImageEmpty";
    case Refusal::ImageTooLarge: return "ImageTooLarge";
    case Refusal::BadKeyFile: return "BadKeyFile";
    case Refusal::BadCrashReport: return "BadCrashReport";
    case Refusal::ForeignCrashKey: return "ForeignCrashKey";
  }
  return "Unknown";
}

}  // namespace microvisor::protocol
