# Manifest checking. The bootrom takes the first list, the kernel and host tests both.
set(FIRMWARE_MANIFEST_BOOT_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/envelope.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernel_manifest.cpp)
set(FIRMWARE_MANIFEST_SOURCES
  ${FIRMWARE_MANIFEST_BOOT_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/application_manifest.cpp
  ${CMAKE_CURRENT_LIST_DIR}/module_manifest.cpp
  ${CMAKE_CURRENT_LIST_DIR}/new_keys.cpp)
