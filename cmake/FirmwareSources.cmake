# Third-party sources that host tests and device images both compile: mbedTLS with a configuration of ours, and the
# nanopb code generated from protocol/*.proto. Both live outside the tree (MICROVISOR_SOURCES); nothing is committed.

# mv_mbedtls(name CONFIG header SOURCES file...): a static library of the named mbedTLS files under one configuration.
function(mv_mbedtls name)
  cmake_parse_arguments(arg "" "CONFIG" "SOURCES" ${ARGN})
  list(TRANSFORM arg_SOURCES PREPEND ${MICROVISOR_SOURCES}/mbedtls/library/)
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} SYSTEM PUBLIC ${MICROVISOR_SOURCES}/mbedtls/include)
  target_compile_definitions(${name} PUBLIC "MBEDTLS_CONFIG_FILE=\"${arg_CONFIG}\"")
  target_include_directories(${name} PUBLIC ${MICROVISOR_ROOT})
  target_compile_options(${name} PRIVATE -w)
endfunction()

# mv_nanopb(name proto...): the nanopb runtime and the messages of the named files (relative to the tree's root).
# Headers are included as "protocol/bundle.nanopb.h", so that they never meet the host's protobuf headers.
function(mv_nanopb name)
  set(runtime ${MICROVISOR_SOURCES}/nanopb)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/nanopb)
  set(generated)
  # The generator compiles its own messages when it is first run, into its source folder; once, before builds that run it
  # several times at once.
  execute_process(COMMAND ${MICROVISOR_PYTHON} -B ${runtime}/generator/nanopb_generator.py --version
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(options)
    if(EXISTS ${MICROVISOR_ROOT}/${stem}.options)
      set(options ${MICROVISOR_ROOT}/${stem}.options)
    endif()
    add_custom_command(
      OUTPUT ${out}/${stem}.nanopb.c ${out}/${stem}.nanopb.h
      COMMAND ${MICROVISOR_PYTHON} -B ${runtime}/generator/nanopb_generator.py -q -I ${MICROVISOR_ROOT} -D ${out}
              -e .nanopb ${proto}
      WORKING_DIRECTORY ${MICROVISOR_ROOT}
      DEPENDS ${MICROVISOR_ROOT}/${proto} ${options}
      COMMENT "nanopb ${proto}" VERBATIM)
    list(APPEND generated ${out}/${stem}.nanopb.c)
  endforeach()
  add_library(${name} STATIC ${runtime}/pb_common.c ${runtime}/pb_decode.c ${runtime}/pb_encode.c ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${runtime} ${out})
  target_compile_definitions(${name} PUBLIC PB_NO_ERRMSG)
  target_compile_options(${name} PRIVATE -w)
endfunction()
