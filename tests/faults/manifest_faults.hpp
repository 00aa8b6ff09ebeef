// One fault in the check of an application's manifest, as it is fetched, by a device that must refuse it
// (forged_update.hpp).
//
// The way leads from where the device has the manifest whole and begins to check it to where the refusal is
// in its journal. Tried is every instruction of the worker on it, whatever it belongs to: reading and
// hashing, PKA, and the record; what interrupts the worker is not. Whatever happens then, the device must
// neither go on with the update nor start what it was offered; that it is told another reason, or resets, is
// fine.
#pragma once

#include <cstdint>
#include <string>

#include "tests/faults/campaign.hpp"

namespace microvisor::tests {

struct ManifestSweep {
  std::string only;    ///< "manifest" or "manifest/NAME"; empty: all
  std::string replay;  ///< the id of one case; empty: all
  std::uint64_t seed = 1;
  std::uint64_t sample = 0;  ///< of each forgery; 0: all
  std::uint64_t last = 0;    ///< instructions
};

void sweep_manifests(Campaign& campaign, const ManifestSweep& sweep);

}  // namespace microvisor::tests
