# Drivers: what the kernel takes from here (its folder adds drivers of its own), and what the boot stages take.
set(FIRMWARE_DRIVERS_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/flash_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/hash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/octospi.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/rng.cpp)
set(FIRMWARE_DRIVERS_BOOT_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stm32u5/flash_probe.cpp)
