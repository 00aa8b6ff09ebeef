// The table of call bodies that lie in flash, in files of this folder. It is named by resident/calls.cpp
// alone, which asks first whether the flash can be gone to (docs/kernel.md, "Calls in flash").
#include "firmware/kernel/calls/channels.hpp"
#include "firmware/kernel/calls/config.hpp"
#include "firmware/kernel/calls/device.hpp"
#include "firmware/kernel/calls/external_flash.hpp"
#include "firmware/kernel/calls/factory_test.hpp"
#include "firmware/kernel/calls/http.hpp"
#include "firmware/kernel/calls/mqtt_requests.hpp"
#include "firmware/kernel/calls/mqtt_responses.hpp"
#include "firmware/kernel/calls/network.hpp"
#include "firmware/kernel/calls/network_interface.hpp"
#include "firmware/kernel/calls/notifications.hpp"
#include "firmware/kernel/calls/power.hpp"
#include "firmware/kernel/calls/wifi.hpp"
#include "firmware/kernel/resident/calls.hpp"
#include "firmware/kernel/resident/calls/call.hpp"

namespace microvisor::firmware::kernel {

constinit const std::array<abi::CallFunction, abi::kFlashCallCount> flash_call_bodies =
    abi::flash_table<calls::FlashCallBody>();

}  // namespace microvisor::firmware::kernel
