// Channels come and go. What a channel does is in channels.hpp; here are the checks and the copies.
#pragma once

#include <algorithm>
#include <span>

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel::calls {

/// Takes four or five traps: one copies what is asked for and checks its pointers, one or two look the
/// endpoint up, one checks all else, one opens. Another caller that comes in between makes it begin anew.
template <>
struct FlashCallBody<Gate::OpenChannel> {
  static Status run(const abi::OpenChannelArguments& a) {
    if (!can_take_handle(a.handle)) return Status::PARAMETERFAULT;
    ChannelOpening& opening = services().channel_opening;
    if (!opening.by.same_call(caller)) return take(a.params, opening);
    if (!opening.looked_up) return look_up(opening);
    if (!opening.fits || opening.claims_changes != services().claims.changes()) return check(opening);
    return open(opening, a.handle);
  }

 private:
  static Status take(Address from, ChannelOpening& opening) {
    abi::OpenChannelParams& params = opening.params;
    opening.end();
    if (!take_from_application(from, params)) return Status::PARAMETERFAULT;
    if (params.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    const abi::SizedString& name = params.endpoint;
    if (!application_can_read(name.data, name.length) ||
        !application_can_write(params.receive_buffer, params.receive_buffer_len) ||
        !application_can_write(params.send_buffer, params.send_buffer_len)) {
      return Status::PARAMETERFAULT;
    }
    // A longer name than this is cut, and known by no one.
    opening.endpoint = {};
    opening.endpoint_length = std::min<std::uint32_t>(name.length, opening.endpoint.text.size());
    copy_from_application(opening.endpoint.text.data(), name.data, opening.endpoint_length);
    opening.by = caller;
    opening.looked_up = opening.fits = false;
    opening.lookup.begin();
    return kAgain;
  }

  static Status look_up(ChannelOpening& opening) {
    if (!opening.lookup.step(opening.name())) return kAgain;
    const bool opaque = opening.params.channel_type == abi::ChannelType::OPAQUEBYTES;
    opening.endpoint_fits =
        opaque ? opening.lookup.found_in(services().endpoints) : opening.endpoint_length == 0;
    opening.looked_up = true;
    if (opening.endpoint_fits) services().channels.name_next(opening.endpoint);
    return kAgain;
  }

  static bool handles_are_valid(const abi::OpenChannelParams& params) {
    const Services& s = services();
    return s.notifications.valid(params.notification_handle) && s.network.valid(params.network_handle);
  }

  static Status check(ChannelOpening& opening) {
    const MemoryClaims& claims = services().claims;
    const Status status = handles_are_valid(opening.params)
                              ? Channels::check(opening.params, opening.endpoint_fits, claims)
                              : Status::INVALIDHANDLE;
    if (status != Status::OKAY) {
      opening.end();
      return status;
    }
    opening.fits = true;
    opening.claims_changes = claims.changes();
    return kAgain;
  }

  static Status open(ChannelOpening& opening, Address to) {
    Services& s = services();
    const abi::OpenChannelParams& params = opening.params;
    opening.end();
    if (!handles_are_valid(params)) return Status::INVALIDHANDLE;
    if (s.link_status != abi::NetworkStatus::CONNECTED) return Status::NETWORKNOTCONNECTED;
    abi::ChannelHandle handle = 0;
    const Status status = s.channels.open(params, s.claims, clock_microseconds(), handle);
    if (status != Status::OKAY) return status;
    wake_link();
    return tell_checked(to, handle);
  }
};

template <>
struct FlashCallBody<Gate::CloseChannel> {
  static Status run(const abi::CloseChannelArguments& a) {
    return close_handle(a.handle, [](abi::ChannelHandle handle) {
      const Status status = services().channels.close(handle, services().claims);
      if (status == Status::OKAY) {
        wake_link();
      }
      return status;
    });
  }
};

}  // namespace microvisor::firmware::kernel::calls
