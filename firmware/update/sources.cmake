# Update: staging area, journal of the update, installer.
set(FIRMWARE_UPDATE_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/installer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/staging.cpp
  ${CMAKE_CURRENT_LIST_DIR}/updater.cpp)
