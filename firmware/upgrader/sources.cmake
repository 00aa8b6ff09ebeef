# Upgrader: replacement of boot stages and kernels. The first list is pure logic, for host tests too; the kernel takes
# what asks for an update and confirms one.
set(FIRMWARE_UPGRADER_REQUEST_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/../preboot/requests.cpp
  ${CMAKE_CURRENT_LIST_DIR}/update_record.cpp)
set(FIRMWARE_UPGRADER_KERNEL_SOURCES
  ${FIRMWARE_UPGRADER_REQUEST_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/trial.cpp)
set(FIRMWARE_UPGRADER_LOGIC_SOURCES
  ${FIRMWARE_UPGRADER_REQUEST_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/pages.cpp
  ${CMAKE_CURRENT_LIST_DIR}/upgrade.cpp)
set(FIRMWARE_UPGRADER_SOURCES
  ${FIRMWARE_UPGRADER_LOGIC_SOURCES}
  ${FIRMWARE_BOOTROM_LOGIC_SOURCES}
  ${FIRMWARE_MANIFEST_BOOT_SOURCES}
  ${FIRMWARE_UPDATE_STAGING_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/upgrader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../bootrom/ratchet.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/octospi.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../kernel/resident/memory_functions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../storage/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../vault/boot_record.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../vault/store.cpp)
