# Bootrom: verification of the kernel. The check itself is pure logic, which the upgrader uses too.
set(FIRMWARE_BOOTROM_LOGIC_SOURCES ${CMAKE_CURRENT_LIST_DIR}/kernel_check.cpp)
set(FIRMWARE_BOOTROM_SOURCES
  ${FIRMWARE_BOOTROM_LOGIC_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/bootrom.cpp
  ${CMAKE_CURRENT_LIST_DIR}/handover.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/ratchet.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../kernel/resident/memory_functions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../storage/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../preboot/requests.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../vault/boot_record.cpp
  ${FIRMWARE_MANIFEST_BOOT_SOURCES})
