# Sources of firmware/factory, for host tests and the kernel alike.
set(FIRMWARE_FACTORY_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/line_dialogue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/line_objects.cpp
  ${CMAKE_CURRENT_LIST_DIR}/new_device.cpp)
