// How a virtual board becomes a device: programmer and station of the production line, in one function.
//
// The board's flash gets the line's image and the board its first start. The device makes its own key; the
// cloud issues the certificate and has the device in the account. A board made without a cloud gets a
// certificate of an authority that nobody knows and a gateway that does not exist: it boots, and connects to
// nobody.
#pragma once

#include <string>

#include "board/memory/board_memories.hpp"
#include "cli/client.hpp"
#include "cli/station.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::cli {

/// What the account's devices have alike, as the cloud tells it, for firmware::image::build_factory_image().
/// Throws Failure.
firmware::image::Identity common_identity(Client& client);

/// Certificates by the cloud for the client's account. `answer`, if there is one, gets what the cloud said.
Issue issue_by(Client& client, bool claimable, nlohmann::json* answer = nullptr);

/// Switches a board on that has been programmed with the line's image, and stands in for the station. The
/// board is off again afterwards, and bears its SID. Throws Failure.
NewDevice provision_board(board::BoardMemories& memories, const Issue& issue);

/// What a device is made with.
struct MadeWith {
  bool factory_test = false;  ///< its application is the line's test application
  std::string apn = {};       ///< that its modem dials with; empty: the subscription's own
};

/// Writes the line's image into new memories and has the device make its identity. `client` may be null.
/// Returns the device SID. Throws Failure.
std::string provision(board::BoardMemories& memories, Client* client, const MadeWith& with = {});
/// What is not of all devices alike, in the line's image.
void make_with(firmware::image::FlashImage& image, const MadeWith& with);

}  // namespace microvisor::cli
