#include "board/debug/exception_names.hpp"

#include <array>

#include "board/cpu/system_units.hpp"

namespace microvisor::board {
namespace {

/// Exceptions 0 to 15 (DDI0553 B3.9).
constexpr std::array<std::string_view, kFirstInterrupt> kCoreNames{
    "Thread",       "Reset",       "NMI",        "HardFault",  "MemManage",   "BusFault",
    "UsageFault",   "SecureFault", "reserved 8", "reserved 9", "reserved 10", "SVCall",
    "DebugMonitor", "reserved 13", "PendSV",     "SysTick"};

/// Interrupt lines by position (RM0456, table of vectors).
constexpr std::array<std::string_view, kInterruptLines> kLineNames{
    "WWDG",        "PVD_PVM",      "RTC",         "RTC_S",       "TAMP",         "RAMCFG",      "FLASH",
    "FLASH_S",     "GTZC",         "RCC",         "RCC_S",       "EXTI0",        "EXTI1",       "EXTI2",
    "EXTI3",       "EXTI4",        "EXTI5",       "EXTI6",       "EXTI7",        "EXTI8",       "EXTI9",
    "EXTI10",      "EXTI11",       "EXTI12",      "EXTI13",      "EXTI14",       "EXTI15",      "IWDG",
    "SAES",        "GPDMA1_CH0",   "GPDMA1_CH1",  "GPDMA1_CH2",  "GPDMA1_CH3",   "GPDMA1_CH4",  "GPDMA1_CH5",
    "GPDMA1_CH6",  "GPDMA1_CH7",   "ADC1",        "DAC1",        "FDCAN1_IT0",   "FDCAN1_IT1",  "TIM1_BRK",
    "TIM1_UP",     "TIM1_TRG_COM", "TIM1_CC",     "TIM2",        "TIM3",         "TIM4",        "TIM5",
    "TIM6",        "TIM7",         "TIM8_BRK",    "TIM8_UP",     "TIM8_TRG_COM", "TIM8_CC",     "I2C1_EV",
    "I2C1_ER",     "I2C2_EV",      "I2C2_ER",     "SPI1",        "SPI2",         "USART1",      "USART2",
    "USART3",      "UART4",        "UART5",       "LPUART1",     "LPTIM1",       "LPTIM2",      "TIM15",
    "TIM16",       "TIM17",        "COMP",        "OTG_FS",      "CRS",          "FMC",         "OCTOSPI1",
    "PWR_S3WU",    "SDMMC1",       "SDMMC2",      "GPDMA1_CH8",  "GPDMA1_CH9",   "GPDMA1_CH10", "GPDMA1_CH11",
    "GPDMA1_CH12", "GPDMA1_CH13",  "GPDMA1_CH14", "GPDMA1_CH15", "I2C3_EV",      "I2C3_ER",     "SAI1",
    "SAI2",        "TSC",          "AES",         "RNG",         "FPU",          "HASH",        "PKA",
    "LPTIM3",      "SPI3",         "I2C4_ER",     "I2C4_EV",     "MDF1_FLT0",    "MDF1_FLT1",   "MDF1_FLT2",
    "MDF1_FLT3",   "UCPD1",        "ICACHE",      "OTFDEC1",     "OTFDEC2",      "LPTIM4",      "DCACHE",
    "ADF1_FLT0",   "ADC4",         "LPDMA1_CH0",  "LPDMA1_CH1",  "LPDMA1_CH2",   "LPDMA1_CH3",  "DMA2D",
    "DCMI_PSSI",   "OCTOSPI2",     "MDF1_FLT4",   "MDF1_FLT5",   "CORDIC",       "FMAC",        "LSECSSD",
};

}  // namespace

std::string_view exception_name(unsigned number) {
  if (number < kCoreNames.size()) return kCoreNames[number];
  const unsigned line = number - kFirstInterrupt;
  return line < kLineNames.size() ? kLineNames[line] : "unknown";
}

}  // namespace microvisor::board
