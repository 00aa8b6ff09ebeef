# Toolchain of the secure-world images: Debian's arm-none-eabi GCC for the Cortex-M33 of the STM32U585.
#
# Soft float, because the kernel must never touch the application's floating-point registers.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_OBJCOPY arm-none-eabi-objcopy)
set(CMAKE_SIZE arm-none-eabi-size)
set(CMAKE_NM arm-none-eabi-nm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(mv_cpu "-mcpu=cortex-m33 -mthumb -mfloat-abi=soft")
set(mv_common "${mv_cpu} -ffunction-sections -fdata-sections -fno-common -fstack-usage")
set(CMAKE_C_FLAGS_INIT "${mv_common}")
set(CMAKE_CXX_FLAGS_INIT
    "${mv_common} -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit -fno-unwind-tables -fno-asynchronous-unwind-tables")
set(CMAKE_ASM_FLAGS_INIT "${mv_cpu}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${mv_cpu} -nostartfiles --specs=nano.specs --specs=nosys.specs -Wl,--gc-sections -Wl,--fatal-warnings")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
