# Bootrom: verification of the kernel.
set(FIRMWARE_BOOTROM_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/bootrom.cpp
  ${CMAKE_CURRENT_LIST_DIR}/handover.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../kernel/resident/memory_functions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../storage/flash.cpp
  ${FIRMWARE_MANIFEST_BOOT_SOURCES})
