// CPUID as the box sees it: what the host's processor has and the translator supports.
#include "cpu/vcpu.hpp"

#include <cpuid.h>

namespace tine::cpu {
namespace {
CpuidResult host_cpuid(u32 leaf, u32 subleaf) {
  CpuidResult r;
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

constexpr u32 bit(unsigned index) {
  return u32{1} << index;
}

// Leaf 1. ECX: SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE OSXSAVE AVX F16C
// RDRAND and the hypervisor bit, which is the truth.
constexpr u32 leaf1_ecx = bit(0) | bit(1) | bit(9) | bit(12) | bit(13) | bit(19) | bit(20) |
                          bit(22) | bit(23) | bit(25) | bit(26) | bit(27) | bit(28) | bit(29) |
                          bit(30) | bit(31);
// EDX: FPU DE TSC MSR PAE MCE CX8 SEP PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 HTT
constexpr u32 leaf1_edx = bit(0) | bit(2) | bit(4) | bit(5) | bit(6) | bit(7) | bit(8) | bit(11) |
                          bit(13) | bit(14) | bit(15) | bit(16) | bit(17) | bit(19) | bit(23) |
                          bit(24) | bit(25) | bit(26) | bit(28);
// Leaf 7. EBX: FSGSBASE BMI1 AVX2 BMI2 ERMS RDSEED ADX CLFLUSHOPT CLWB SHA. ECX: VAES VPCLMULQDQ.
// EDX: FSRM.
constexpr u32 leaf7_ebx =
    bit(0) | bit(3) | bit(5) | bit(8) | bit(9) | bit(18) | bit(19) | bit(23) | bit(24) | bit(29);
constexpr u32 leaf7_ecx = bit(9) | bit(10);
constexpr u32 leaf7_edx = bit(4);
// 0x80000001. ECX: LAHF64 ABM PREFETCHW. EDX: SYSCALL NX RDTSCP LM and, on AMD, the copies of
// leaf 1.
constexpr u32 extended1_ecx = bit(0) | bit(5) | bit(8);
constexpr u32 extended1_edx = bit(11) | bit(20) | bit(27) | bit(29) | (leaf1_edx & 0x0183f3ff);

constexpr u32 avx_state_offset = 576, avx_state_size = 256, xsave_bytes = 832;
} // namespace

CpuidResult guest_cpuid(u32 leaf, u32 subleaf) {
  CpuidResult r = host_cpuid(leaf, subleaf);
  switch (leaf) {
  case 0:
    r.eax = r.eax < 13 ? r.eax : 13;
    return r;
  case 1:
    r.ecx &= leaf1_ecx;
    r.edx &= leaf1_edx;
    return r;
  case 2:
  case 4:
    return r; // caches
  case 7:
    if (subleaf != 0)
      return {};
    return {0, r.ebx & leaf7_ebx, r.ecx & leaf7_ecx, r.edx & leaf7_edx};
  case 13:
    if (subleaf == 0)
      return {7, xsave_bytes, xsave_bytes, 0};
    if (subleaf == 1)
      return {r.eax & (bit(0) | bit(1)), xsave_bytes, 0, 0}; // XSAVEOPT, XSAVEC
    if (subleaf == 2)
      return {avx_state_size, avx_state_offset, 0, 0};
    return {};
  case 0x40000000: // no hypervisor leaves
    return {};
  case 0x80000000:
    r.eax = r.eax < 0x80000008 ? r.eax : 0x80000008;
    return r;
  case 0x80000001:
    r.ecx &= extended1_ecx;
    r.edx &= extended1_edx;
    return r;
  case 0x80000002:
  case 0x80000003:
  case 0x80000004: // brand string
  case 0x80000005:
  case 0x80000006:
    return r;
  case 0x80000007:
    return {0, 0, 0, r.edx & bit(8)}; // invariant TSC
  case 0x80000008:
    return {r.eax, 0, 0, 0};
  default:
    return {};
  }
}

u64 guest_hwcap() {
  return guest_cpuid(1, 0).edx;
}
u64 guest_hwcap2() {
  return guest_cpuid(7, 0).ebx & 1 ? 2 : 0;
}

} // namespace tine::cpu
