# Preboot: choice of the boot stage. The choice itself is pure logic.
set(FIRMWARE_PREBOOT_LOGIC_SOURCES ${CMAKE_CURRENT_LIST_DIR}/choice.cpp)
set(FIRMWARE_PREBOOT_SOURCES
  ${FIRMWARE_PREBOOT_LOGIC_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/preboot.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../device/stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/flash_probe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../kernel/resident/memory_functions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../storage/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../vault/boot_record.cpp)
