# The vault: identity, trust anchors, boot record, journal.
set(FIRMWARE_VAULT_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/boot_record.cpp
  ${CMAKE_CURRENT_LIST_DIR}/identity.cpp
  ${CMAKE_CURRENT_LIST_DIR}/layer_keys.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ratchet.cpp
  ${CMAKE_CURRENT_LIST_DIR}/store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/trust_anchors.cpp)
