// The table of all call bodies. They are in calls/, a file a group.
#include "firmware/kernel/resident/calls.hpp"

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/calls/channels.hpp"
#include "firmware/kernel/resident/calls/config.hpp"
#include "firmware/kernel/resident/calls/device.hpp"
#include "firmware/kernel/resident/calls/external_flash.hpp"
#include "firmware/kernel/resident/calls/factory_test.hpp"
#include "firmware/kernel/resident/calls/fast_interrupts.hpp"
#include "firmware/kernel/resident/calls/http.hpp"
#include "firmware/kernel/resident/calls/log.hpp"
#include "firmware/kernel/resident/calls/mqtt_requests.hpp"
#include "firmware/kernel/resident/calls/mqtt_responses.hpp"
#include "firmware/kernel/resident/calls/network.hpp"
#include "firmware/kernel/resident/calls/notifications.hpp"
#include "firmware/kernel/resident/calls/power.hpp"
#include "firmware/kernel/resident/calls/time.hpp"
#include "firmware/kernel/resident/calls/wifi.hpp"

namespace microvisor::firmware::kernel {

constinit const std::array<abi::CallFunction, abi::kGateCount> call_bodies =
    abi::dispatch_table<calls::CallBody>();

}  // namespace microvisor::firmware::kernel
