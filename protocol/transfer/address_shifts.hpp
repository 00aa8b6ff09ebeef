// Learns from two images by how much which addresses have changed. Host only.
#pragma once

#include <vector>

#include "protocol/transfer/alignment.hpp"
#include "protocol/transfer/encoder.hpp"
#include "protocol/transfer/prediction.hpp"

namespace microvisor::protocol::transfer {

/// Looks at the branches and words of the pieces on both sides; what does not follow the map that comes out
/// is corrected by the encoding.
AddressMap learn_shifts(ByteView object, const Base& base, const std::vector<Piece>& pieces);

}  // namespace microvisor::protocol::transfer
