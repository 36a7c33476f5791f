#include "features.hpp"

#include "cpu/vcpu.hpp"

#include <cpuid.h>

namespace tine::test {

namespace {

using enum Feature::Register;

constexpr std::array table{
    Feature{"fpu", 1, 0, edx, 0, ZYDIS_ISA_SET_X87},
    Feature{"cmov", 1, 0, edx, 15, ZYDIS_ISA_SET_CMOV},
    Feature{"fcmov", 1, 0, edx, 15, ZYDIS_ISA_SET_FCMOV},
    Feature{"clflush", 1, 0, edx, 19, ZYDIS_ISA_SET_CLFSH},
    Feature{"mmx", 1, 0, edx, 23, ZYDIS_ISA_SET_PENTIUMMMX},
    Feature{"fxsr", 1, 0, edx, 24, ZYDIS_ISA_SET_FXSAVE},
    Feature{"fxsr", 1, 0, edx, 24, ZYDIS_ISA_SET_FXSAVE64},
    Feature{"sse", 1, 0, edx, 25, ZYDIS_ISA_SET_SSE},
    Feature{"sse", 1, 0, edx, 25, ZYDIS_ISA_SET_SSEMXCSR},
    Feature{"sse", 1, 0, edx, 25, ZYDIS_ISA_SET_SSE_PREFETCH},
    Feature{"sse2", 1, 0, edx, 26, ZYDIS_ISA_SET_SSE2},
    Feature{"sse2", 1, 0, edx, 26, ZYDIS_ISA_SET_SSE2MMX},
    Feature{"sse3", 1, 0, ecx, 0, ZYDIS_ISA_SET_SSE3},
    Feature{"sse3", 1, 0, ecx, 0, ZYDIS_ISA_SET_SSE3X87},
    Feature{"pclmulqdq", 1, 0, ecx, 1, ZYDIS_ISA_SET_PCLMULQDQ},
    Feature{"ssse3", 1, 0, ecx, 9, ZYDIS_ISA_SET_SSSE3},
    Feature{"ssse3", 1, 0, ecx, 9, ZYDIS_ISA_SET_SSSE3MMX},
    Feature{"fma", 1, 0, ecx, 12, ZYDIS_ISA_SET_FMA},
    Feature{"cmpxchg16b", 1, 0, ecx, 13, ZYDIS_ISA_SET_CMPXCHG16B},
    Feature{"sse4.1", 1, 0, ecx, 19, ZYDIS_ISA_SET_SSE4},
    Feature{"sse4.2", 1, 0, ecx, 20, ZYDIS_ISA_SET_SSE42},
    Feature{"movbe", 1, 0, ecx, 22, ZYDIS_ISA_SET_MOVBE},
    Feature{"popcnt", 1, 0, ecx, 23, ZYDIS_ISA_SET_POPCNT},
    Feature{"aes", 1, 0, ecx, 25, ZYDIS_ISA_SET_AES},
    Feature{"xsave", 1, 0, ecx, 26, ZYDIS_ISA_SET_XSAVE},
    Feature{"avx", 1, 0, ecx, 28, ZYDIS_ISA_SET_AVX},
    Feature{"aes with avx", 1, 0, ecx, 28, ZYDIS_ISA_SET_AVXAES},
    Feature{"f16c", 1, 0, ecx, 29, ZYDIS_ISA_SET_F16C},
    Feature{"rdrand", 1, 0, ecx, 30, ZYDIS_ISA_SET_RDRAND},
    Feature{"fsgsbase", 7, 0, ebx, 0, ZYDIS_ISA_SET_RDWRFSGS},
    Feature{"bmi1", 7, 0, ebx, 3, ZYDIS_ISA_SET_BMI1},
    Feature{"avx2", 7, 0, ebx, 5, ZYDIS_ISA_SET_AVX2},
    Feature{"avx2", 7, 0, ebx, 5, ZYDIS_ISA_SET_AVX2GATHER},
    Feature{"bmi2", 7, 0, ebx, 8, ZYDIS_ISA_SET_BMI2},
    Feature{"rtm", 7, 0, ebx, 11, ZYDIS_ISA_SET_RTM},
    Feature{"avx512f", 7, 0, ebx, 16, ZYDIS_ISA_SET_AVX512F_512},
    Feature{"rdseed", 7, 0, ebx, 18, ZYDIS_ISA_SET_RDSEED},
    Feature{"adx", 7, 0, ebx, 19, ZYDIS_ISA_SET_ADOX_ADCX},
    Feature{"clflushopt", 7, 0, ebx, 23, ZYDIS_ISA_SET_CLFLUSHOPT},
    Feature{"clwb", 7, 0, ebx, 24, ZYDIS_ISA_SET_CLWB},
    Feature{"sha", 7, 0, ebx, 29, ZYDIS_ISA_SET_SHA},
    Feature{"pku", 7, 0, ecx, 4, ZYDIS_ISA_SET_PKU},
    Feature{"gfni", 7, 0, ecx, 8, ZYDIS_ISA_SET_GFNI},
    Feature{"vaes", 7, 0, ecx, 9, ZYDIS_ISA_SET_VAES},
    Feature{"vpclmulqdq", 7, 0, ecx, 10, ZYDIS_ISA_SET_VPCLMULQDQ},
    Feature{"rdpid", 7, 0, ecx, 22, ZYDIS_ISA_SET_RDPID},
    Feature{"xsaveopt", 0xd, 1, eax, 0, ZYDIS_ISA_SET_XSAVEOPT},
    Feature{"xsavec", 0xd, 1, eax, 1, ZYDIS_ISA_SET_XSAVEC},
    Feature{"xsaves", 0xd, 1, eax, 3, ZYDIS_ISA_SET_XSAVES},
    Feature{"lahf", 0x8000'0001, 0, ecx, 0, ZYDIS_ISA_SET_LAHF},
    Feature{"lzcnt", 0x8000'0001, 0, ecx, 5, ZYDIS_ISA_SET_LZCNT},
    Feature{"sse4a", 0x8000'0001, 0, ecx, 6, ZYDIS_ISA_SET_SSE4A},
    Feature{"3dnowprefetch", 0x8000'0001, 0, ecx, 8, ZYDIS_ISA_SET_PREFETCH_NOP},
    Feature{"xop", 0x8000'0001, 0, ecx, 11, ZYDIS_ISA_SET_XOP},
    Feature{"fma4", 0x8000'0001, 0, ecx, 16, ZYDIS_ISA_SET_FMA4},
    Feature{"tbm", 0x8000'0001, 0, ecx, 21, ZYDIS_ISA_SET_TBM},
    Feature{"monitorx", 0x8000'0001, 0, ecx, 29, ZYDIS_ISA_SET_MONITORX},
    Feature{"rdtscp", 0x8000'0001, 0, edx, 27, ZYDIS_ISA_SET_RDTSCP},
    Feature{"3dnow", 0x8000'0001, 0, edx, 31, ZYDIS_ISA_SET_AMD3DNOW},
    Feature{"clzero", 0x8000'0008, 0, ebx, 0, ZYDIS_ISA_SET_CLZERO},
    Feature{"rdpru", 0x8000'0008, 0, ebx, 4, ZYDIS_ISA_SET_RDPRU},
};

constexpr std::array always{
    ZYDIS_ISA_SET_I86,      ZYDIS_ISA_SET_I186,     ZYDIS_ISA_SET_I286REAL,    ZYDIS_ISA_SET_I386,
    ZYDIS_ISA_SET_I486,     ZYDIS_ISA_SET_I486REAL, ZYDIS_ISA_SET_PENTIUMREAL, ZYDIS_ISA_SET_PPRO,
    ZYDIS_ISA_SET_LONGMODE, ZYDIS_ISA_SET_FAT_NOP,  ZYDIS_ISA_SET_PAUSE,
};

bool bit_of(const Feature &feature, u32 eax, u32 ebx, u32 ecx, u32 edx) {
  const std::array<u32, 4> registers{eax, ebx, ecx, edx};
  return (registers[static_cast<std::size_t>(feature.place)] >> feature.bit) & 1;
}

} // namespace

std::span<const Feature> features() {
  return table;
}

bool guest_has(const Feature &feature) {
  const cpu::CpuidResult result = cpu::guest_cpuid(feature.leaf, feature.subleaf);
  return bit_of(feature, result.eax, result.ebx, result.ecx, result.edx);
}

bool host_has(const Feature &feature) {
  u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(feature.leaf, feature.subleaf, &eax, &ebx, &ecx, &edx) != 0 &&
         bit_of(feature, eax, ebx, ecx, edx);
}

bool guest_has_isa(ZydisISASet isa) {
  static const std::array<bool, ZYDIS_ISA_SET_MAX_VALUE + 1> known = [] {
    std::array<bool, ZYDIS_ISA_SET_MAX_VALUE + 1> present{};
    for (const ZydisISASet base : always)
      present[base] = true;
    for (const Feature &feature : table)
      if (guest_has(feature))
        present[feature.isa] = true;
    return present;
  }();
  return known[isa];
}

} // namespace tine::test
