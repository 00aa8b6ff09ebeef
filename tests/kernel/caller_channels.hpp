// The channels of the caller's application: one of each type, which is as many as there may be, and what has
// arrived in them.
//
// No network is behind the board. A message that has arrived stands in the channel's receive buffer, and the
// kernel's table is made to say so: positions in the rings, and how much of it is whole messages.
#pragma once

#include "abi/interface.hpp"
#include "tests/kernel/caller_machine.hpp"

namespace microvisor::tests {

inline constexpr unsigned kChannelHandle = 2;    // place of the opaque channel's among the handles
inline constexpr unsigned kInterfaceHandle = 5;  // of the network interface's among those of one call
inline constexpr unsigned kInterfacePlace = 8;   // and in the command

/// Place of the handle of the channel of this type in the command.
[[nodiscard]] constexpr unsigned handle_place(abi::ChannelType type) {
  return type == abi::ChannelType::OPAQUEBYTES ? kChannelHandle : 4 + static_cast<unsigned>(type);
}

/// The type that the call is for; opaque where any will do.
[[nodiscard]] abi::ChannelType channel_type_of(const abi::CallShape& call);

void open_opaque_channel(CallerMachine& caller);
void open_message_channels(CallerMachine& caller);
void open_network_interface(CallerMachine& caller);

/// Has arrive what the call reads: a message that fills what it is given, and that goes over the ring's end
/// where it can, if it is to do its utmost; headers and items are then read backwards.
void prepare_channels(CallerMachine& caller, const abi::CallShape& call, Amount amount);

}  // namespace microvisor::tests
