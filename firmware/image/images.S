/* The images for the device, as the cross-build left them. Paths come from the build. */
        .macro  embed name, file
        .section .rodata
        .balign 16
        .global \name\()_begin
        .global \name\()_end
\name\()_begin:
        .incbin "\file"
\name\()_end:
        .byte   0               /* so that text can be read as a C string */
        .endm

        embed   mv_image_preboot, DEVICE_BUILD/preboot.bin
        embed   mv_image_bootrom_a, DEVICE_BUILD/bootrom-a.bin
        embed   mv_image_bootrom_b, DEVICE_BUILD/bootrom-b.bin
        embed   mv_image_upgrader_a, DEVICE_BUILD/upgrader-a.bin
        embed   mv_image_upgrader_b, DEVICE_BUILD/upgrader-b.bin
        embed   mv_image_kernel, DEVICE_BUILD/kernel.bin
        embed   mv_image_kernel_manifest, DEVICE_BUILD/kernel.manifest
        embed   mv_image_kernel_size, DEVICE_BUILD/kernel.size

        .section .note.GNU-stack,"",%progbits
