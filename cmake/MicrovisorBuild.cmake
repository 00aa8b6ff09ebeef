# Compiler settings and the functions that folders use: mv_library(), mv_test() and, in fuzz/, microvisor_fuzz_target().

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Generators are Python scripts for the distribution's interpreter (Debian 12: 3.11, which reads TOML by itself).
find_program(MICROVISOR_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# Where script/setup unpacked the source packages (mbedtls, lwip, nanopb, zlib).
set(MICROVISOR_SOURCES ${CMAKE_SOURCE_DIR}/build/sources CACHE PATH "Unpacked source packages")

set(MICROVISOR_SANITIZE "" CACHE STRING "Sanitizers for host code, for example address,undefined")

add_library(microvisor_options INTERFACE)
target_compile_options(microvisor_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough)
if(MICROVISOR_SANITIZE)  # the list has a comma, which a generator expression would take for its own
  target_compile_options(microvisor_options INTERFACE
    -fsanitize=${MICROVISOR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # Enumerations of nanopb's C headers hold whatever number was received; we compare before we believe.
    -fno-sanitize=enum)
  target_link_options(microvisor_options INTERFACE -fsanitize=${MICROVISOR_SANITIZE})
endif()
# Includes name the folder: #include "board/bus/bus.hpp".
target_include_directories(microvisor_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})

enable_testing()
find_package(GTest REQUIRED)
include(GoogleTest)

# mv_library(name SOURCES a.cpp ... DEPS lib ...): a static library with the project's options.
function(mv_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC microvisor_options ${arg_DEPS})
endfunction()

# mv_test(name SOURCES a_test.cpp ... DEPS lib ... [LABELS fast|slow] [TIMEOUT s] [ALONE]): a GoogleTest program, each case a CTest test,
# which with ALONE runs when no other does.
function(mv_test name)
  cmake_parse_arguments(arg "ALONE" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  add_executable(${name} ${arg_SOURCES})
  # Test code is compiled once and run for seconds: not optimising it builds nine times as fast.
  target_compile_options(${name} PRIVATE -O0 -g0)
  target_link_libraries(${name} PRIVATE microvisor_options ${arg_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}" RUN_SERIAL ${arg_ALONE})
endfunction()

# microvisor_fuzz_target(name DEPS lib ...): a libFuzzer program of name.cpp (see fuzz/CMakeLists.txt).
function(microvisor_fuzz_target name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(fuzz_${name} ${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE microvisor_options ${arg_DEPS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(microvisor_fuzz_targets fuzz_${name})
endfunction()
