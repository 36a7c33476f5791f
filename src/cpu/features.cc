#include "cpu/features.hpp"

#include "cpu/vcpu.hpp"

#include <algorithm>

namespace tine::cpu {
namespace {

struct Feature {
  u32 leaf;
  u32 CpuidResult::*part;
  unsigned bit;
  std::string_view name;
};

/// Of what guest_cpuid tells, all that a program may have chosen its code by.
constexpr Feature features[] = {
    {1, &CpuidResult::edx, 0, "fpu"},
    {1, &CpuidResult::edx, 4, "tsc"},
    {1, &CpuidResult::edx, 8, "cx8"},
    {1, &CpuidResult::edx, 15, "cmov"},
    {1, &CpuidResult::edx, 19, "clflush"},
    {1, &CpuidResult::edx, 23, "mmx"},
    {1, &CpuidResult::edx, 24, "fxsr"},
    {1, &CpuidResult::edx, 25, "sse"},
    {1, &CpuidResult::edx, 26, "sse2"},
    {1, &CpuidResult::ecx, 0, "pni"},
    {1, &CpuidResult::ecx, 1, "pclmulqdq"},
    {1, &CpuidResult::ecx, 9, "ssse3"},
    {1, &CpuidResult::ecx, 12, "fma"},
    {1, &CpuidResult::ecx, 13, "cx16"},
    {1, &CpuidResult::ecx, 19, "sse4_1"},
    {1, &CpuidResult::ecx, 20, "sse4_2"},
    {1, &CpuidResult::ecx, 22, "movbe"},
    {1, &CpuidResult::ecx, 23, "popcnt"},
    {1, &CpuidResult::ecx, 25, "aes"},
    {1, &CpuidResult::ecx, 26, "xsave"},
    {1, &CpuidResult::ecx, 28, "avx"},
    {1, &CpuidResult::ecx, 29, "f16c"},
    {1, &CpuidResult::ecx, 30, "rdrand"},
    {7, &CpuidResult::ebx, 0, "fsgsbase"},
    {7, &CpuidResult::ebx, 3, "bmi1"},
    {7, &CpuidResult::ebx, 5, "avx2"},
    {7, &CpuidResult::ebx, 8, "bmi2"},
    {7, &CpuidResult::ebx, 9, "erms"},
    {7, &CpuidResult::ebx, 18, "rdseed"},
    {7, &CpuidResult::ebx, 19, "adx"},
    {7, &CpuidResult::ebx, 23, "clflushopt"},
    {7, &CpuidResult::ebx, 24, "clwb"},
    {7, &CpuidResult::ebx, 29, "sha_ni"},
    {7, &CpuidResult::ecx, 9, "vaes"},
    {7, &CpuidResult::ecx, 10, "vpclmulqdq"},
    {7, &CpuidResult::edx, 4, "fsrm"},
    {13, &CpuidResult::eax, 0, "xsaveopt"},
    {13, &CpuidResult::eax, 1, "xsavec"},
    {0x80000001, &CpuidResult::ecx, 0, "lahf_lm"},
    {0x80000001, &CpuidResult::ecx, 5, "abm"},
    {0x80000001, &CpuidResult::ecx, 8, "3dnowprefetch"},
    {0x80000001, &CpuidResult::edx, 27, "rdtscp"},
};

} // namespace

std::vector<std::string_view> guest_features() {
  std::vector<std::string_view> names;
  for (const Feature &feature : features) {
    const CpuidResult told = guest_cpuid(feature.leaf, feature.leaf == 13 ? 1 : 0);
    if ((told.*feature.part >> feature.bit & 1U) != 0)
      names.push_back(feature.name);
  }
  return names;
}

std::string missing_feature(std::string_view wanted) {
  const std::vector<std::string_view> own = guest_features();
  while (!wanted.empty()) {
    const std::size_t end = std::min(wanted.find('\n'), wanted.size());
    const std::string_view name = wanted.substr(0, end);
    if (!name.empty() && std::find(own.begin(), own.end(), name) == own.end())
      return std::string(name);
    wanted.remove_prefix(std::min(end + 1, wanted.size()));
  }
  return {};
}

} // namespace tine::cpu
