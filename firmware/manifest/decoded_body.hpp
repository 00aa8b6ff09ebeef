// Where bodies are decoded: one place of 3 KiB for all kinds, kept out of the worker's stack. The worker and
// start-up code are the only users, one after the other; nothing of it is kept beyond the call that decodes.
#pragma once

#include "protocol/bundle.nanopb.h"

namespace microvisor::firmware::manifest {

union DecodedBody {
  microvisor_bundle_AppManifest_AppBody application;
  microvisor_bundle_NewKeys_Body new_keys;
};

inline DecodedBody decoded_body;

}  // namespace microvisor::firmware::manifest
