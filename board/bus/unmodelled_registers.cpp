// Names and reset values of the registers of the blocks that are not modelled (register maps of RM0456).
// Kinds of blocks share a table. The message RAM of FDCAN1 is memory and has none.
#include "board/bus/unmodelled_registers.hpp"

#include <algorithm>

namespace microvisor::board {
namespace {

using Register = UnmodelledRegister;

constexpr Register kSpi[] = {
    {0x0, "CR1"},    {0x4, "CR2"},         {0x8, "CFG1", 0x7'0007},  {0xC, "CFG2"},
    {0x10, "IER"},   {0x14, "SR", 0x1002}, {0x18, "IFCR"},           {0x1C, "AUTOCR"},
    {0x20, "TXDR"},  {0x30, "RXDR"},       {0x40, "CRCPOLY", 0x107}, {0x44, "TXCRC"},
    {0x48, "RXCRC"}, {0x4C, "UDRDR"}};
constexpr Register kFdcan[] = {{0x0, "CREL", 0x3214'1218},
                               {0x4, "ENDN", 0x8765'4321},
                               {0xC, "DBTP", 0xA33},
                               {0x10, "TEST"},
                               {0x14, "RWD"},
                               {0x18, "CCCR", 0x1},
                               {0x1C, "NBTP", 0x600'0A03},
                               {0x20, "TSCC"},
                               {0x24, "TSCV"},
                               {0x28, "TOCC", 0xFFFF'0000},
                               {0x2C, "TOCV", 0xFFFF},
                               {0x40, "ECR"},
                               {0x44, "PSR", 0x707},
                               {0x48, "TDCR"},
                               {0x50, "IR"},
                               {0x54, "IE"},
                               {0x58, "ILS"},
                               {0x5C, "ILE"},
                               {0x80, "RXGFC"},
                               {0x84, "XIDAM", 0x1FFF'FFFF},
                               {0x88, "HPMS"},
                               {0x90, "RXF0S"},
                               {0x94, "RXF0A"},
                               {0x98, "RXF1S"},
                               {0x9C, "RXF1A"},
                               {0xC0, "TXBC"},
                               {0xC4, "TXFQS", 0x3},
                               {0xC8, "TXBRP"},
                               {0xCC, "TXBAR"},
                               {0xD0, "TXBCR"},
                               {0xD4, "TXBTO"},
                               {0xD8, "TXBCF"},
                               {0xDC, "TXBTIE"},
                               {0xE0, "TXBCIE"},
                               {0xE4, "TXEFS"},
                               {0xE8, "TXEFA"},
                               {0x100, "CKDIV"}};
constexpr Register kUcpd[] = {{0x0, "CFGR1"}, {0x4, "CFGR2"},        {0x8, "CFGR3"},
                              {0xC, "CR"},    {0x10, "IMR"},         {0x14, "SR"},
                              {0x18, "ICR"},  {0x1C, "TX_ORDSETR"},  {0x20, "TX_PAYSZR"},
                              {0x24, "TXDR"}, {0x28, "RX_ORDSETR"},  {0x2C, "RX_PAYSZR"},
                              {0x30, "RXDR"}, {0x34, "RX_ORDEXTR1"}, {0x38, "RX_ORDEXTR2"}};
constexpr Register kSai[] = {{0x0, "GCR"},     {0x4, "ACR1", 0x40},  {0x8, "ACR2"},      {0xC, "AFRCR", 0x7},
                             {0x10, "ASLOTR"}, {0x14, "AIM"},        {0x18, "ASR", 0x8}, {0x1C, "ACLRFR"},
                             {0x20, "ADR"},    {0x24, "BCR1", 0x40}, {0x28, "BCR2"},     {0x2C, "BFRCR", 0x7},
                             {0x30, "BSLOTR"}, {0x34, "BIM"},        {0x38, "BSR", 0x8}, {0x3C, "BCLRFR"},
                             {0x40, "BDR"},    {0x44, "PDMCR"},      {0x48, "PDMDLY"}};
constexpr Register kCordic[] = {{0x0, "CSR", 0x50}, {0x4, "WDATA"}, {0x8, "RDATA"}};
constexpr Register kFmac[] = {{0x0, "X1BUFCFG"}, {0x4, "X2BUFCFG"}, {0x8, "YBUFCFG"}, {0xC, "PARAM"},
                              {0x10, "CR"},      {0x14, "SR", 0x1}, {0x18, "WDATA"},  {0x1C, "RDATA"}};
constexpr Register kTsc[] = {
    {0x0, "CR"},      {0x4, "IER"},     {0x8, "ICR"},     {0xC, "ISR"},     {0x10, "IOHCR", 0xFFFF'FFFF},
    {0x18, "IOASCR"}, {0x20, "IOSCR"},  {0x28, "IOCCR"},  {0x30, "IOGCSR"}, {0x34, "IOG1CR"},
    {0x38, "IOG2CR"}, {0x3C, "IOG3CR"}, {0x40, "IOG4CR"}, {0x44, "IOG5CR"}, {0x48, "IOG6CR"},
    {0x4C, "IOG7CR"}, {0x50, "IOG8CR"}};
constexpr Register kMdf[] = {
    {0x0, "GCR"},       {0x4, "CKGCR"},       {0x80, "SITF0CR", 0x1F00},  {0x84, "BSMX0CR"},
    {0x88, "DFLT0CR"},  {0x8C, "DFLT0CICR"},  {0x90, "DFLT0RSFR"},        {0x94, "DFLT0INTR"},
    {0x98, "OLD0CR"},   {0x9C, "OLD0THLR"},   {0xA0, "OLD0THHR"},         {0xA4, "DLY0CR"},
    {0xA8, "SCD0CR"},   {0xAC, "DFLT0IER"},   {0xB0, "DFLT0ISR"},         {0xB4, "OEC0CR"},
    {0xEC, "SNPS0DR"},  {0xF0, "DFLT0DR"},    {0x100, "SITF1CR", 0x1F00}, {0x104, "BSMX1CR"},
    {0x108, "DFLT1CR"}, {0x10C, "DFLT1CICR"}, {0x110, "DFLT1RSFR"},       {0x114, "DFLT1INTR"},
    {0x118, "OLD1CR"},  {0x11C, "OLD1THLR"},  {0x120, "OLD1THHR"},        {0x124, "DLY1CR"},
    {0x128, "SCD1CR"},  {0x12C, "DFLT1IER"},  {0x130, "DFLT1ISR"},        {0x134, "OEC1CR"},
    {0x16C, "SNPS1DR"}, {0x170, "DFLT1DR"},   {0x180, "SITF2CR", 0x1F00}, {0x184, "BSMX2CR"},
    {0x188, "DFLT2CR"}, {0x18C, "DFLT2CICR"}, {0x190, "DFLT2RSFR"},       {0x194, "DFLT2INTR"},
    {0x198, "OLD2CR"},  {0x19C, "OLD2THLR"},  {0x1A0, "OLD2THHR"},        {0x1A4, "DLY2CR"},
    {0x1A8, "SCD2CR"},  {0x1AC, "DFLT2IER"},  {0x1B0, "DFLT2ISR"},        {0x1B4, "OEC2CR"},
    {0x1EC, "SNPS2DR"}, {0x1F0, "DFLT2DR"},   {0x200, "SITF3CR", 0x1F00}, {0x204, "BSMX3CR"},
    {0x208, "DFLT3CR"}, {0x20C, "DFLT3CICR"}, {0x210, "DFLT3RSFR"},       {0x214, "DFLT3INTR"},
    {0x218, "OLD3CR"},  {0x21C, "OLD3THLR"},  {0x220, "OLD3THHR"},        {0x224, "DLY3CR"},
    {0x228, "SCD3CR"},  {0x22C, "DFLT3IER"},  {0x230, "DFLT3ISR"},        {0x234, "OEC3CR"},
    {0x26C, "SNPS3DR"}, {0x270, "DFLT3DR"},   {0x280, "SITF4CR", 0x1F00}, {0x284, "BSMX4CR"},
    {0x288, "DFLT4CR"}, {0x28C, "DFLT4CICR"}, {0x290, "DFLT4RSFR"},       {0x294, "DFLT4INTR"},
    {0x298, "OLD4CR"},  {0x29C, "OLD4THLR"},  {0x2A0, "OLD4THHR"},        {0x2A4, "DLY4CR"},
    {0x2A8, "SCD4CR"},  {0x2AC, "DFLT4IER"},  {0x2B0, "DFLT4ISR"},        {0x2B4, "OEC4CR"},
    {0x2EC, "SNPS4DR"}, {0x2F0, "DFLT4DR"},   {0x300, "SITF5CR", 0x1F00}, {0x304, "BSMX5CR"},
    {0x308, "DFLT5CR"}, {0x30C, "DFLT5CICR"}, {0x310, "DFLT5RSFR"},       {0x314, "DFLT5INTR"},
    {0x318, "OLD5CR"},  {0x31C, "OLD5THLR"},  {0x320, "OLD5THHR"},        {0x324, "DLY5CR"},
    {0x328, "SCD5CR"},  {0x32C, "DFLT5IER"},  {0x330, "DFLT5ISR"},        {0x334, "OEC5CR"},
    {0x36C, "SNPS5DR"}, {0x370, "DFLT5DR"}};
constexpr Register kDma2d[] = {
    {0x0, "CR"},       {0x4, "ISR"},     {0x8, "IFCR"},     {0xC, "FGMAR"},   {0x10, "FGOR"},
    {0x14, "BGMAR"},   {0x18, "BGOR"},   {0x1C, "FGPFCCR"}, {0x20, "FGCOLR"}, {0x24, "BGPFCCR"},
    {0x28, "BGCOLR"},  {0x2C, "FGCMAR"}, {0x30, "BGCMAR"},  {0x34, "OPFCCR"}, {0x38, "OCOLR_RGB888"},
    {0x3C, "OMAR"},    {0x40, "OOR"},    {0x44, "NLR"},     {0x48, "LWR"},    {0x4C, "AMTCR"},
    {0x400, "FGCLUT"}, {0x800, "BGCLUT"}};
constexpr Register kAdc[] = {{0x0, "ISR"},
                             {0x4, "IER"},
                             {0x8, "CR", 0x2000'0000},
                             {0xC, "CFGR1", 0x8000'0000},
                             {0x10, "CFGR2"},
                             {0x14, "SMPR1"},
                             {0x18, "SMPR2"},
                             {0x1C, "PCSEL"},
                             {0x30, "SQR1"},
                             {0x34, "SQR2"},
                             {0x38, "SQR3"},
                             {0x3C, "SQR4"},
                             {0x40, "DR"},
                             {0x4C, "JSQR"},
                             {0x60, "OFR1"},
                             {0x64, "OFR2"},
                             {0x68, "OFR3"},
                             {0x6C, "OFR4"},
                             {0x70, "GCOMP"},
                             {0x80, "JDR1"},
                             {0x84, "JDR2"},
                             {0x88, "JDR3"},
                             {0x8C, "JDR4"},
                             {0xA0, "AWD2CR"},
                             {0xA4, "AWD3CR"},
                             {0xA8, "LTR1"},
                             {0xAC, "HTR1", 0x1FF'FFFF},
                             {0xB0, "LTR2"},
                             {0xB4, "HTR2", 0x1FF'FFFF},
                             {0xB8, "LTR3"},
                             {0xBC, "HTR3", 0x1FF'FFFF},
                             {0xC0, "DIFSEL"},
                             {0xC4, "CALFACT"},
                             {0xC8, "CALFACT2"},
                             {0x308, "CCR"}};
constexpr Register kDcmi[] = {{0x0, "CR"},      {0x4, "SR"},      {0x8, "RIS"},   {0xC, "IER"},
                              {0x10, "MIS"},    {0x14, "ICR"},    {0x18, "ESCR"}, {0x1C, "ESUR"},
                              {0x20, "CWSTRT"}, {0x24, "CWSIZE"}, {0x28, "DR"}};
constexpr Register kPssi[] = {
    {0x0, "CR", 0x4000'0000}, {0x4, "SR"}, {0x8, "RIS"}, {0xC, "IER"}, {0x10, "MIS"}, {0x14, "ICR"},
    {0x28, "DR", 0xC000'0000}};
constexpr Register kOtgFs[] = {{0x0, "GOTGCTL", 0x1'0000},
                               {0x4, "GOTGINT"},
                               {0x8, "GAHBCFG"},
                               {0xC, "GUSBCFG", 0x1440},
                               {0x10, "GRSTCTL", 0x8000'0000},
                               {0x14, "GINTSTS", 0x400'0020},
                               {0x18, "GINTMSK"},
                               {0x1C, "GRXSTSR"},
                               {0x20, "GRXSTSP"},
                               {0x24, "GRXFSIZ", 0x200},
                               {0x28, "HNPTXFSIZ", 0x200'0200},
                               {0x2C, "HNPTXSTS", 0x8'0200},
                               {0x38, "GCCFG"},
                               {0x3C, "CID", 0x3000},
                               {0x54, "GLPMCFG"},
                               {0x100, "HPTXFSIZ", 0x200'0400},
                               {0x104, "DIEPTXF1", 0x200'0400},
                               {0x108, "DIEPTXF2", 0x200'0600},
                               {0x10C, "DIEPTXF3", 0x200'0800},
                               {0x110, "DIEPTXF4", 0x200'0A00},
                               {0x114, "DIEPTXF5", 0x200'0C00},
                               {0x400, "HCFG"},
                               {0x404, "HFIR", 0xEA60},
                               {0x408, "HFNUM", 0x3FFF},
                               {0x410, "HPTXSTS", 0x8'0100},
                               {0x414, "HAINT"},
                               {0x418, "HAINTMSK"},
                               {0x440, "HPRT"},
                               {0x500, "HCCHAR0"},
                               {0x508, "HCINT0"},
                               {0x50C, "HCINTMSK0"},
                               {0x510, "HCTSIZ0"},
                               {0x520, "HCCHAR1"},
                               {0x528, "HCINT1"},
                               {0x52C, "HCINTMSK1"},
                               {0x530, "HCTSIZ1"},
                               {0x540, "HCCHAR2"},
                               {0x548, "HCINT2"},
                               {0x54C, "HCINTMSK2"},
                               {0x550, "HCTSIZ2"},
                               {0x560, "HCCHAR3"},
                               {0x568, "HCINT3"},
                               {0x56C, "HCINTMSK3"},
                               {0x570, "HCTSIZ3"},
                               {0x580, "HCCHAR4"},
                               {0x588, "HCINT4"},
                               {0x58C, "HCINTMSK4"},
                               {0x590, "HCTSIZ4"},
                               {0x5A0, "HCCHAR5"},
                               {0x5A8, "HCINT5"},
                               {0x5AC, "HCINTMSK5"},
                               {0x5B0, "HCTSIZ5"},
                               {0x5C0, "HCCHAR6"},
                               {0x5C8, "HCINT6"},
                               {0x5CC, "HCINTMSK6"},
                               {0x5D0, "HCTSIZ6"},
                               {0x5E0, "HCCHAR7"},
                               {0x5E8, "HCINT7"},
                               {0x5EC, "HCINTMSK7"},
                               {0x5F0, "HCTSIZ7"},
                               {0x600, "HCCHAR8"},
                               {0x608, "HCINT8"},
                               {0x60C, "HCINTMSK8"},
                               {0x610, "HCTSIZ8"},
                               {0x620, "HCCHAR9"},
                               {0x628, "HCINT9"},
                               {0x62C, "HCINTMSK9"},
                               {0x630, "HCTSIZ9"},
                               {0x640, "HCCHAR10"},
                               {0x648, "HCINT10"},
                               {0x64C, "HCINTMSK10"},
                               {0x650, "HCTSIZ10"},
                               {0x660, "HCCHAR11"},
                               {0x668, "HCINT11"},
                               {0x66C, "HCINTMSK11"},
                               {0x670, "HCTSIZ11"},
                               {0x800, "DCFG", 0x220'0000},
                               {0x804, "DCTL", 0x2},
                               {0x808, "DSTS", 0x10},
                               {0x810, "DIEPMSK"},
                               {0x814, "DOEPMSK"},
                               {0x818, "DAINT"},
                               {0x81C, "DAINTMSK"},
                               {0x828, "DVBUSDIS", 0x17D7},
                               {0x82C, "DVBUSPULSE", 0x5B8},
                               {0x834, "DIEPEMPMSK"},
                               {0x900, "DIEPCTL0"},
                               {0x908, "DIEPINT0", 0x80},
                               {0x910, "DIEPTSIZ0"},
                               {0x918, "DTXFSTS0", 0x200},
                               {0x920, "DIEPCTL1"},
                               {0x928, "DIEPINT1", 0x80},
                               {0x930, "DIEPTSIZ1"},
                               {0x938, "DTXFSTS1", 0x200},
                               {0x940, "DIEPCTL2"},
                               {0x948, "DIEPINT2", 0x80},
                               {0x950, "DIEPTSIZ2"},
                               {0x958, "DTXFSTS2", 0x200},
                               {0x960, "DIEPCTL3"},
                               {0x968, "DIEPINT3", 0x80},
                               {0x970, "DIEPTSIZ3"},
                               {0x978, "DTXFSTS3", 0x200},
                               {0x980, "DIEPCTL4"},
                               {0x988, "DIEPINT4", 0x80},
                               {0x990, "DIEPTSIZ4"},
                               {0x998, "DTXFSTS4", 0x200},
                               {0x9A0, "DIEPCTL5"},
                               {0x9A8, "DIEPINT5", 0x80},
                               {0x9B0, "DIEPTSIZ5"},
                               {0x9B8, "DTXFSTS5", 0x200},
                               {0xB00, "DOEPCTL0", 0x8000},
                               {0xB08, "DOEPINT0", 0x80},
                               {0xB10, "DOEPTSIZ0"},
                               {0xB20, "DOEPCTL1"},
                               {0xB28, "DOEPINT1", 0x80},
                               {0xB30, "DOEPTSIZ1"},
                               {0xB40, "DOEPCTL2"},
                               {0xB48, "DOEPINT2", 0x80},
                               {0xB50, "DOEPTSIZ2"},
                               {0xB60, "DOEPCTL3"},
                               {0xB68, "DOEPINT3", 0x80},
                               {0xB70, "DOEPTSIZ3"},
                               {0xB80, "DOEPCTL4"},
                               {0xB88, "DOEPINT4", 0x80},
                               {0xB90, "DOEPTSIZ4"},
                               {0xBA0, "DOEPCTL5"},
                               {0xBA8, "DOEPINT5", 0x80},
                               {0xBB0, "DOEPTSIZ5"},
                               {0xE00, "PCGCCTL", 0x200B'8000}};
constexpr Register kOtfdec[] = {{0x0, "CR"},
                                {0x10, "PRIVCFGR"},
                                {0x20, "R1CFGR"},
                                {0x24, "R1STARTADDR"},
                                {0x28, "R1ENDADDR", 0xFFF},
                                {0x2C, "R1NONCER0"},
                                {0x30, "R1NONCER1"},
                                {0x34, "R1KEYR0"},
                                {0x38, "R1KEYR1"},
                                {0x3C, "R1KEYR2"},
                                {0x40, "R1KEYR3"},
                                {0x50, "R2CFGR"},
                                {0x54, "R2STARTADDR"},
                                {0x58, "R2ENDADDR", 0xFFF},
                                {0x5C, "R2NONCER0"},
                                {0x60, "R2NONCER1"},
                                {0x64, "R2KEYR0"},
                                {0x68, "R2KEYR1"},
                                {0x6C, "R2KEYR2"},
                                {0x70, "R2KEYR3"},
                                {0x80, "R3CFGR"},
                                {0x84, "R3STARTADDR"},
                                {0x88, "R3ENDADDR", 0xFFF},
                                {0x8C, "R3NONCER0"},
                                {0x90, "R3NONCER1"},
                                {0x94, "R3KEYR0"},
                                {0x98, "R3KEYR1"},
                                {0x9C, "R3KEYR2"},
                                {0xA0, "R3KEYR3"},
                                {0xB0, "R4CFGR"},
                                {0xB4, "R4STARTADDR"},
                                {0xB8, "R4ENDADDR", 0xFFF},
                                {0xBC, "R4NONCER0"},
                                {0xC0, "R4NONCER1"},
                                {0xC4, "R4KEYR0"},
                                {0xC8, "R4KEYR1"},
                                {0xCC, "R4KEYR2"},
                                {0xD0, "R4KEYR3"},
                                {0x300, "ISR"},
                                {0x304, "ICR"},
                                {0x308, "IER"}};
constexpr Register kSdmmc[] = {
    {0x0, "POWER"},    {0x4, "CLKCR"},     {0x8, "ARGR"},       {0xC, "CMDR"},        {0x10, "RESPCMDR"},
    {0x14, "RESP1"},   {0x18, "RESP2"},    {0x1C, "RESP3"},     {0x20, "RESP4"},      {0x24, "DTIMER"},
    {0x28, "DLENR"},   {0x2C, "DCTRL"},    {0x30, "DCNTR"},     {0x34, "STAR"},       {0x38, "ICR"},
    {0x3C, "MASKR"},   {0x40, "ACKTIMER"}, {0x50, "IDMACTRLR"}, {0x54, "IDMABSIZER"}, {0x58, "IDMABASER"},
    {0x64, "IDMALAR"}, {0x68, "IDMABAR"},  {0x80, "FIFOR0"},    {0x84, "FIFOR1"},     {0x88, "FIFOR2"},
    {0x8C, "FIFOR3"},  {0x90, "FIFOR4"},   {0x94, "FIFOR5"},    {0x98, "FIFOR6"},     {0x9C, "FIFOR7"},
    {0xA0, "FIFOR8"},  {0xA4, "FIFOR9"},   {0xA8, "FIFOR10"},   {0xAC, "FIFOR11"},    {0xB0, "FIFOR12"},
    {0xB4, "FIFOR13"}, {0xB8, "FIFOR14"},  {0xBC, "FIFOR15"}};
constexpr Register kDelay[] = {{0x0, "CR"}, {0x4, "CFGR"}};
constexpr Register kFmc[] = {{0x0, "BCR1", 0x30DB},
                             {0x4, "BTR1", 0xFFF'FFFF},
                             {0x8, "BCR2", 0x30D2},
                             {0xC, "BTR2", 0xFFF'FFFF},
                             {0x10, "BCR3", 0x30D2},
                             {0x14, "BTR3", 0xFFF'FFFF},
                             {0x18, "BCR4", 0x30D2},
                             {0x1C, "BTR4", 0xFFF'FFFF},
                             {0x20, "PCSCNTR"},
                             {0x80, "PCR", 0x18},
                             {0x84, "SR", 0x40},
                             {0x88, "PMEM", 0xFCFC'FCFC},
                             {0x8C, "PATT", 0xFCFC'FCFC},
                             {0x94, "ECCR"},
                             {0x104, "BWTR1", 0xFFF'FFFF},
                             {0x10C, "BWTR2", 0xFFF'FFFF},
                             {0x114, "BWTR3", 0xFFF'FFFF},
                             {0x11C, "BWTR4", 0xFFF'FFFF}};
constexpr Register kOpamp[] = {{0x0, "OPAMP1_CSR"},  {0x4, "OPAMP1_OTR"},  {0x8, "OPAMP1_LPOTR"},
                               {0x10, "OPAMP2_CSR"}, {0x14, "OPAMP2_OTR"}, {0x18, "OPAMP2_LPOTR"}};
constexpr Register kComp[] = {{0x0, "COMP1_CSR"}, {0x4, "COMP2_CSR"}};
constexpr Register kVrefbuf[] = {{0x0, "CSR", 0x2}, {0x4, "CCR"}};
constexpr Register kAdc4[] = {{0x0, "ISR"},
                              {0x4, "IER"},
                              {0x8, "CR"},
                              {0xC, "CFGR1"},
                              {0x10, "CFGR2"},
                              {0x14, "SMPR"},
                              {0x20, "AWD1TR", 0xFFF'0000},
                              {0x24, "AWD2TR", 0xFFF'0000},
                              {0x28, "CHSELRMOD0"},
                              {0x2C, "AWD3TR", 0xFFF'0000},
                              {0x40, "DR"},
                              {0x44, "PWR"},
                              {0xA0, "AWD2CR"},
                              {0xA4, "AWD3CR"},
                              {0xC4, "CALFACT"},
                              {0xD0, "OR"},
                              {0x308, "CCR"}};
constexpr Register kDac[] = {{0x0, "CR"},
                             {0x4, "SWTRGR"},
                             {0x8, "DHR12R1"},
                             {0xC, "DHR12L1"},
                             {0x10, "DHR8R1"},
                             {0x14, "DHR12R2"},
                             {0x18, "DHR12L2"},
                             {0x1C, "DHR8R2"},
                             {0x20, "DHR12RD"},
                             {0x24, "DHR12LD"},
                             {0x28, "DHR8RD"},
                             {0x2C, "DOR1"},
                             {0x30, "DOR2"},
                             {0x34, "SR"},
                             {0x38, "CCR"},
                             {0x3C, "MCR"},
                             {0x40, "SHSR1"},
                             {0x44, "SHSR2"},
                             {0x48, "SHHR", 0x1'0001},
                             {0x4C, "SHRR", 0x1'0001},
                             {0x54, "AUTOCR"}};
constexpr Register kAdf[] = {{0x0, "GCR"},        {0x4, "CKGCR"},     {0x80, "SITF0CR", 0x1F00},
                             {0x84, "BSMX0CR"},   {0x88, "DFLT0CR"},  {0x8C, "DFLT0CICR"},
                             {0x90, "DFLT0RSFR"}, {0xA4, "DLY0CR"},   {0xAC, "DFLT0IER"},
                             {0xB0, "DFLT0ISR"},  {0xB8, "SADCR"},    {0xBC, "SADCFGR"},
                             {0xC0, "SADSDLVR"},  {0xC4, "SADANLVR"}, {0xF0, "DFLT0DR"}};

struct Block {
  std::uint32_t base;
  std::span<const Register> registers;
};

constexpr Block kBlocks[] = {
    {0x4000'3800, kSpi},      // SPI2
    {0x4000'A400, kFdcan},    // FDCAN1
    {0x4000'DC00, kUcpd},     // UCPD1
    {0x4001'3000, kSpi},      // SPI1
    {0x4001'5400, kSai},      // SAI1
    {0x4001'5800, kSai},      // SAI2
    {0x4002'1000, kCordic},   // CORDIC
    {0x4002'1400, kFmac},     // FMAC
    {0x4002'4000, kTsc},      // TSC
    {0x4002'5000, kMdf},      // MDF1
    {0x4002'B000, kDma2d},    // DMA2D
    {0x4202'8000, kAdc},      // ADC1
    {0x4202'C000, kDcmi},     // DCMI
    {0x4202'C400, kPssi},     // PSSI
    {0x4204'0000, kOtgFs},    // OTG_FS
    {0x420C'5000, kOtfdec},   // OTFDEC1
    {0x420C'5400, kOtfdec},   // OTFDEC2
    {0x420C'8000, kSdmmc},    // SDMMC1
    {0x420C'8400, kDelay},    // DLYBSD1
    {0x420C'8800, kDelay},    // DLYBSD2
    {0x420C'8C00, kSdmmc},    // SDMMC2
    {0x420C'F000, kDelay},    // DLYBOS1
    {0x420C'F400, kDelay},    // DLYBOS2
    {0x420D'0400, kFmc},      // FMC
    {0x4600'2000, kSpi},      // SPI3
    {0x4600'5000, kOpamp},    // OPAMP
    {0x4600'5400, kComp},     // COMP
    {0x4600'7400, kVrefbuf},  // VREFBUF
    {0x4602'1000, kAdc4},     // ADC4
    {0x4602'1800, kDac},      // DAC1
    {0x4602'4000, kAdf},      // ADF1
};

}  // namespace

std::span<const UnmodelledRegister> unmodelled_registers(std::uint32_t base) {
  const auto* entry = std::ranges::lower_bound(kBlocks, base, {}, &Block::base);
  if (entry == std::end(kBlocks) || entry->base != base) return {};
  return entry->registers;
}

}  // namespace microvisor::board
