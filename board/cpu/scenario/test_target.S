@ TT, TTT, TTA and TTAT by world and privilege; the region number of the IDAU is left out, since the two chips differ.
  .include "scenario.inc"

  .macro log_tt register
  load r12, 0x007FFFFF
  and r12, r12, \register
  log r12
  .endm
  .macro probe address, secure
  load r0, \address
  tt r1, r0
  log_tt r1
  ttt r1, r0
  log_tt r1
  .if \secure
  tta r1, r0
  log_tt r1
  ttat r1, r0
  log_tt r1
  .endif
  .endm
  .macro probe_all secure
  probe 0x38000000, \secure
  probe 0x38020000, \secure
  probe 0x38020FFF, \secure
  probe 0x38021000, \secure
  probe 0x281FFFFF, \secure
  probe 0x28200000, \secure
  probe 0x282FFFFF, \secure
  probe 0x28300000, \secure
  probe 0x28204000, \secure
  probe 0x28208000, \secure
  probe 0x2820C000, \secure
  .endm

  .section .secure, "ax"
  entry scenario
  mark 0x701
  probe_all 1
  poke 0xE002ED98, 2              @ MPU_NS: region 2 read-only for privileged code, region 3 for all, 4 overlapping 3
  poke 0xE002ED9C, 0x28204004
  poke 0xE002EDA0, 0x28204FE1
  poke 0xE002ED98, 3
  poke 0xE002ED9C, 0x28208002
  poke 0xE002EDA0, 0x2820CFE1
  poke 0xE002ED98, 4
  poke 0xE002ED9C, 0x2820C002
  poke 0xE002EDA0, 0x2820DFE1
  poke 0xE002ED98, 5
  poke 0xE002ED9C, 0x28200002     @ code and log stay reachable
  poke 0xE002EDA0, 0x28203FE1
  poke 0xE002ED98, 6
  poke 0xE002ED9C, 0x282E0002
  poke 0xE002EDA0, 0x282FFFE1
  poke 0xE002EDC0, 0x44444444
  poke 0xE002ED94, 1
  mark 0x702
  probe_all 1
  poke 0xE000ED98, 0              @ MPU_S, with background
  poke 0xE000ED9C, 0x38000007
  poke 0xE000EDA0, 0x38000FE0
  poke 0xE000EDC0, 0x44
  poke 0xE000ED94, 5
  mark 0x703
  probe_all 1
  poke 0xE000ED94, 0
  poke 0xE000EDD8, 2              @ an overlap in the SAU
  poke 0xE000EDDC, 0x28208000
  poke 0xE000EDE0, 0x28208FE1
  mark 0x704
  probe 0x28208000, 1
  poke 0xE000EDE0, 0
  go_nonsecure ns_main

  .section .nonsecure, "ax"
  .thumb_func
ns_main:
  load r0, 0x282F0000             @ the stack moves to where the MPU lets it be
  msr msp, r0
  msr psp, r0
  mark 0x711
  probe_all 0
  movs r0, #3
  msr control, r0
  isb
  mark 0x712
  probe_all 0
  svc #0                          @ semihosting is for privileged code
  entry n_svc
  finish
