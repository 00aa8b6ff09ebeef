/* The images that guest.cpp decodes, each between two symbols. */
  .macro image name
  .global \name
  .global \name\()_end
  .balign 4
\name:
  .incbin "\name\().bin"
\name\()_end:
  .endm

  .section .rodata
  image base
  image object
  image delta
  image compressed
