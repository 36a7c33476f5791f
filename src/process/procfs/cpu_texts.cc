#include "process/procfs/cpu_texts.hpp"

#include "cpu/vcpu.hpp"

#include <cstring>
#include <fmt/format.h>
#include <fstream>

namespace tine::process {
namespace {

enum class Register : u8 { eax, ebx, ecx, edx };

struct Flag {
  u32 leaf;
  Register reg;
  u32 bit;
  const char *name;
};

/// The names of arch/x86/include/asm/cpufeatures.h, in its order.
constexpr Flag cpu_flags[] = {
    {1, Register::edx, 0, "fpu"},
    {1, Register::edx, 3, "pse"},
    {1, Register::edx, 4, "tsc"},
    {1, Register::edx, 6, "pae"},
    {1, Register::edx, 8, "cx8"},
    {1, Register::edx, 9, "apic"},
    {1, Register::edx, 11, "sep"},
    {1, Register::edx, 13, "pge"},
    {1, Register::edx, 15, "cmov"},
    {1, Register::edx, 16, "pat"},
    {1, Register::edx, 19, "clflush"},
    {1, Register::edx, 23, "mmx"},
    {1, Register::edx, 24, "fxsr"},
    {1, Register::edx, 25, "sse"},
    {1, Register::edx, 26, "sse2"},
    {1, Register::edx, 28, "ht"},
    {0x80000001, Register::edx, 11, "syscall"},
    {0x80000001, Register::edx, 20, "nx"},
    {0x80000001, Register::edx, 27, "rdtscp"},
    {0x80000001, Register::edx, 29, "lm"},
    {1, Register::ecx, 0, "pni"},
    {1, Register::ecx, 1, "pclmulqdq"},
    {1, Register::ecx, 9, "ssse3"},
    {1, Register::ecx, 12, "fma"},
    {1, Register::ecx, 13, "cx16"},
    {1, Register::ecx, 19, "sse4_1"},
    {1, Register::ecx, 20, "sse4_2"},
    {1, Register::ecx, 22, "movbe"},
    {1, Register::ecx, 23, "popcnt"},
    {1, Register::ecx, 25, "aes"},
    {1, Register::ecx, 26, "xsave"},
    {1, Register::ecx, 28, "avx"},
    {1, Register::ecx, 29, "f16c"},
    {1, Register::ecx, 30, "rdrand"},
    {1, Register::ecx, 31, "hypervisor"},
    {0x80000001, Register::ecx, 0, "lahf_lm"},
    {0x80000001, Register::ecx, 5, "abm"},
    {0x80000001, Register::ecx, 6, "sse4a"},
    {0x80000001, Register::ecx, 8, "3dnowprefetch"},
    {7, Register::ebx, 0, "fsgsbase"},
    {7, Register::ebx, 3, "bmi1"},
    {7, Register::ebx, 5, "avx2"},
    {7, Register::ebx, 8, "bmi2"},
    {7, Register::ebx, 9, "erms"},
    {7, Register::ebx, 18, "rdseed"},
    {7, Register::ebx, 19, "adx"},
    {7, Register::ebx, 29, "sha_ni"},
    {7, Register::ecx, 9, "vaes"},
    {7, Register::ecx, 10, "vpclmulqdq"},
    {7, Register::ecx, 22, "rdpid"},
    {7, Register::edx, 4, "fsrm"},
};

bool is_set(const Flag &flag) {
  if (cpu::guest_cpuid(flag.leaf & 0x80000000, 0).eax < flag.leaf)
    return false;
  const cpu::CpuidResult result = cpu::guest_cpuid(flag.leaf, 0);
  const u32 values[] = {result.eax, result.ebx, result.ecx, result.edx};
  return (values[static_cast<std::size_t>(flag.reg)] >> flag.bit & 1U) != 0;
}

struct Identity {
  std::string vendor;
  u32 family, model, stepping, highest_leaf;
};

/// Intel SDM, CPUID: leaves 0 and 1.
Identity identity() {
  const cpu::CpuidResult first = cpu::guest_cpuid(0, 0), second = cpu::guest_cpuid(1, 0);
  Identity result;
  const u32 words[3] = {first.ebx, first.edx, first.ecx};
  result.vendor.resize(sizeof words);
  std::memcpy(result.vendor.data(), words, sizeof words);
  const u32 family = second.eax >> 8 & 0xf, model = second.eax >> 4 & 0xf;
  result.family = family == 0xf ? family + (second.eax >> 20 & 0xff) : family;
  result.model = family == 0xf || family == 6 ? model | (second.eax >> 12 & 0xf0) : model;
  result.stepping = second.eax & 0xf;
  result.highest_leaf = first.eax;
  return result;
}

} // namespace

HostProcessor HostProcessor::read() {
  HostProcessor host;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos)
      continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name"))
      host.model_name = value;
    else if (line.starts_with("cpu MHz"))
      host.megahertz = value;
    else if (line.starts_with("cache size"))
      host.cache_size = value;
    else if (line.starts_with("bogomips"))
      host.bogomips = value;
  }
  return host;
}

std::string cpuinfo_text(const HostProcessor &host, u32 cpus) {
  const Identity id = identity();
  std::string flag_names;
  for (const Flag &flag : cpu_flags)
    if (is_set(flag))
      flag_names += fmt::format("{}{}", flag_names.empty() ? "" : " ", flag.name);
  std::string text;
  for (u32 cpu = 0; cpu < cpus; ++cpu) {
    text += fmt::format("processor\t: {}\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\n"
                        "model name\t: {}\nstepping\t: {}\ncpu MHz\t\t: {}\n",
                        cpu, id.vendor, id.family, id.model, host.model_name, id.stepping,
                        host.megahertz);
    if (!host.cache_size.empty())
      text += fmt::format("cache size\t: {}\n", host.cache_size);
    text += fmt::format("physical id\t: 0\nsiblings\t: {}\ncore id\t\t: {}\ncpu cores\t: {}\n"
                        "apicid\t\t: {}\ninitial apicid\t: {}\nfpu\t\t: yes\nfpu_exception\t: yes\n"
                        "cpuid level\t: {}\nwp\t\t: yes\nflags\t\t: {}\nbugs\t\t:\nbogomips\t: {}\n"
                        "clflush size\t: 64\ncache_alignment\t: 64\n"
                        "address sizes\t: 48 bits physical, 48 bits virtual\npower management:\n\n",
                        cpus, cpu, cpus, cpu, cpu, id.highest_leaf, flag_names, host.bogomips);
  }
  return text;
}

} // namespace tine::process
