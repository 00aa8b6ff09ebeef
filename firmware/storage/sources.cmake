# Sources of firmware/storage.
set(FIRMWARE_STORAGE_SOURCES ${CMAKE_CURRENT_LIST_DIR}/flash.cpp)
