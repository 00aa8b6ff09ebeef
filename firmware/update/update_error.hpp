// Why an update was not done: the numbers of protocol/link.proto UpdateError, for updates of the application
// and of Microvisor itself.
#pragma once

#include <cstdint>

namespace microvisor::firmware::update {

enum class UpdateError : std::uint8_t {
  None = 0,
  Fetch = 1,
  Hash = 2,
  Signature = 3,
  Manifest = 4,
  KernelTooOld = 5,
  Storage = 6,
  Measurement = 7,
  Unsupported = 8,
  OldStaging = 9,
  OldVault = 10,
  // Of Microvisor itself only.
  KernelSigner = 20,
  WrongDevice = 21,
  Downgrade = 22,
  LayerContent = 23,
  LayerSize = 24,
  GateLayer = 25,
  UpgraderFailed = 26,
  TrialFailed = 27,
  NotConnected = 28,
  NoPreviousKernel = 29,
  // Of the application only.
  UnknownSigner = 30,
  RemovedSigner = 31,
  OtherDevice = 32,
  LayersSwapped = 33,
  LayerTruncated = 34,
  LayerExtended = 35,
  NoLayerKey = 36,
  Decryption = 37,
  // Of a module's firmware only.
  WrongModule = 40,
  ModuleOlder = 41,
  ModuleRefused = 42,
  ModuleFailed = 43,
};

}  // namespace microvisor::firmware::update
