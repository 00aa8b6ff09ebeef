# Fails if DOCUMENT is not what TOOL prints.
execute_process(COMMAND ${TOOL} OUTPUT_VARIABLE expected COMMAND_ERROR_IS_FATAL ANY)
file(READ ${DOCUMENT} found)
if(NOT expected STREQUAL found)
  message(FATAL_ERROR "${DOCUMENT} is out of date: run reserved_doc > ${DOCUMENT}")
endif()
