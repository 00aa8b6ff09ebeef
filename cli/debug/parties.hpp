// Between whom a debug session is, and what about: what both sides have to mean, or they do not come
// together.
#pragma once

#include <string>

#include "cli/client.hpp"
#include "cli/debug/device_service.hpp"
#include "cli/debug/device_session.hpp"

namespace microvisor::cli::debug {

struct Parties {
  std::string sid;
  wire::Scalar own_secret{};
  wire::Point own_point{};
  wire::Point device_point{};
  wire::Prologue prologue{};
};

/// As the cloud knows the device and its application. Throws Failure.
[[nodiscard]] Parties find_parties(Client& client, const ServiceArguments& arguments);
/// As the files say that the developer has. Throws Failure.
[[nodiscard]] Parties find_parties(const DirectArguments& arguments);

}  // namespace microvisor::cli::debug
