# Update: staging area, journal of the update, installer.
set(FIRMWARE_UPDATE_STAGING_SOURCES ${CMAKE_CURRENT_LIST_DIR}/staging.cpp)
set(FIRMWARE_UPDATE_SOURCES
  ${FIRMWARE_UPDATE_STAGING_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/decoding.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decryption.cpp
  ${CMAKE_CURRENT_LIST_DIR}/installer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/object_transfer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/updater.cpp)
