// How a virtual board becomes a device: the station of the production line, in one function.
//
// The device key is made here, the cloud issues its certificate and claims it for the account, and the image
// builder writes identity and firmware into the board's flash. A board made without a cloud gets a
// certificate of its own making and a gateway that does not exist: it boots, and connects to nobody.
#pragma once

#include <string>

#include "board/memory/board_memories.hpp"
#include "cli/client.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// What the account's devices have alike, as the cloud tells it, for firmware::image::build_factory_image().
/// Throws Failure.
firmware::image::Identity common_identity(Client& client);

/// Writes firmware and identity into new memories. `client` may be null. With `factory_test` the device's
/// application is the line's test application. Returns the device SID. Throws Failure.
std::string provision(board::BoardMemories& memories, Client* client, bool factory_test = false);

}  // namespace microvisor::cli
