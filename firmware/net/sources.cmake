# Network and device link. FIRMWARE_NET_COMMON needs no chip and is what host tests build; the image takes
# FIRMWARE_NET_SOURCES and FIRMWARE_NET_LIBRARIES.
include(${CMAKE_CURRENT_LIST_DIR}/lwip.cmake)
set(link_dir ${CMAKE_CURRENT_LIST_DIR}/../kernel/link)
set(FIRMWARE_NET_COMMON
  ${CMAKE_CURRENT_LIST_DIR}/application_traffic.cpp
  ${CMAKE_CURRENT_LIST_DIR}/at_dialogue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/dialler.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stack.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tcp_stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tls_client.cpp
  ${CMAKE_CURRENT_LIST_DIR}/translator.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wifi_module.cpp)
set(FIRMWARE_LINK_COMMON
  ${link_dir}/back_off.cpp
  ${link_dir}/crash_stream.cpp
  ${link_dir}/debug_streams.cpp
  ${link_dir}/direct_session.cpp
  ${link_dir}/../../debugger/command_runner.cpp
  ${link_dir}/frame_io.cpp
  ${link_dir}/link_engine.cpp
  ${link_dir}/log_stream.cpp
  ${link_dir}/module_installer.cpp
  ${link_dir}/channel_streams.cpp
  ${link_dir}/session.cpp
  ${link_dir}/update_driver.cpp
  ${link_dir}/wifi_dialogue.cpp)
# The worker, in which all of this runs, comes with the kernel.
if(CMAKE_SYSTEM_NAME STREQUAL Generic AND FIRMWARE_KERNEL_SOURCES)
  set(FIRMWARE_NET_SOURCES ${FIRMWARE_NET_COMMON} ${FIRMWARE_LINK_COMMON}
    ${link_dir}/link_main.cpp
    ${link_dir}/modem_line.cpp)
  mv_lwip(lwip)
  target_compile_options(lwip PRIVATE -Os)
  set(FIRMWARE_NET_LIBRARIES lwip)
endif()
