# find_package(Microvisor) for applications. Configure with
#   -DCMAKE_TOOLCHAIN_FILE=<sdk>/cmake/arm-none-eabi.cmake -DMicrovisor_DIR=<sdk>/cmake
#
# microvisor::sdk           the header, the system-call symbols and the linker script
# microvisor::startup       vector table and reset handler; leave it out if you bring your own
# microvisor_application(t) both, and the .bin beside the .elf
get_filename_component(MICROVISOR_SDK "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

if(NOT TARGET microvisor::sdk)
  add_library(microvisor::sdk INTERFACE IMPORTED)
  target_include_directories(microvisor::sdk INTERFACE "${MICROVISOR_SDK}/include")
  target_link_libraries(microvisor::sdk INTERFACE "${MICROVISOR_SDK}/lib/mv_syscalls.o")
  target_link_options(microvisor::sdk INTERFACE -T "${MICROVISOR_SDK}/linker/stm32u585_application.ld")

  add_library(microvisor::startup INTERFACE IMPORTED)
  target_sources(microvisor::startup INTERFACE "${MICROVISOR_SDK}/startup/startup_stm32u585.c")
endif()

function(microvisor_application target)
  target_link_libraries(${target} PRIVATE microvisor::sdk microvisor::startup)
  set_target_properties(${target} PROPERTIES SUFFIX .elf)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} -O binary --gap-fill 0xFF $<TARGET_FILE:${target}> $<TARGET_FILE_BASE_NAME:${target}>.bin
    VERBATIM)
endfunction()
