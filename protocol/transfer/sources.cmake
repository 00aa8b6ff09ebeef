# The decoder, for whatever decodes: host library, device, and the test that runs it on the board.
set(TRANSFER_DECODER_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/decoder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prediction.cpp
  ${CMAKE_CURRENT_LIST_DIR}/thumb.cpp)
# What it needs of zlib's source package (MICROVISOR_SOURCES), compiled with NO_GZIP, and in the kernel with Z_SOLO: without an
# allocator of its own. The host has the library.
set(TRANSFER_INFLATE_SOURCES adler32.c inffast.c inflate.c inftrees.c zutil.c)
list(TRANSFORM TRANSFER_INFLATE_SOURCES PREPEND ${MICROVISOR_SOURCES}/zlib/)
