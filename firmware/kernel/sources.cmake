# The kernel's sources. The files in resident/ lie in RAM in the image (device/image.ld.in): they serve the application
# while the flash bank the rest lies in is busy. They stand first: of a function that several files have from a header the
# linker takes the first, and it is RAM that flash may call, not the other way round. FIRMWARE_KERNEL_LOGIC needs no chip
# and is what host tests build.
set(FIRMWARE_KERNEL_LOGIC
  ${CMAKE_CURRENT_LIST_DIR}/resident/calls.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/application_ring.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/channels.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/fast_interrupts.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/notifications.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/peripheral_access.cpp
  ${CMAKE_CURRENT_LIST_DIR}/restarts.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/server_log.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/services.cpp
  ${CMAKE_CURRENT_LIST_DIR}/calls/flash_calls.cpp
  ${CMAKE_CURRENT_LIST_DIR}/channel_message.cpp
  ${CMAKE_CURRENT_LIST_DIR}/crash_store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/end_text.cpp)
set(FIRMWARE_KERNEL_SOURCES
  ${FIRMWARE_KERNEL_LOGIC}
  ${CMAKE_CURRENT_LIST_DIR}/resident/application_memory_device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/exceptions.S
  ${CMAKE_CURRENT_LIST_DIR}/resident/fast_interrupts_device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/crash_registers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/faults.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/memcpy.S
  ${CMAKE_CURRENT_LIST_DIR}/resident/memory_functions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/monitor.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/monitor_registers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/monitor_units.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/retained.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/scheduler.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resident/services_device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sleep.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/ratchet.cpp
  ${CMAKE_CURRENT_LIST_DIR}/application.cpp
  ${CMAKE_CURRENT_LIST_DIR}/application_reset.cpp
  ${CMAKE_CURRENT_LIST_DIR}/crash_report.cpp
  ${CMAKE_CURRENT_LIST_DIR}/debugged_application.cpp
  ${CMAKE_CURRENT_LIST_DIR}/debugged_memory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/host.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernel_version.cpp
  ${CMAKE_CURRENT_LIST_DIR}/isolation.cpp
  ${CMAKE_CURRENT_LIST_DIR}/no_heap.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sleep_clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/start.cpp
  ${CMAKE_CURRENT_LIST_DIR}/station.cpp
  ${CMAKE_CURRENT_LIST_DIR}/storage.cpp)
