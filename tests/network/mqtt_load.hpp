// Devices without a board: connections to a gateway that each have an MQTT session and publish with QoS 1 as
// fast as they are answered, eight under way. A thread for each.
#pragma once

#include "cloud/server.hpp"

namespace microvisor::test {

/// Publications that `devices` of them have had answered in each of `seconds`, all together.
double publications_per_second(const cloud::Server& server, unsigned devices, double seconds);

}  // namespace microvisor::test
