// The part of /sys that programs ask: how many CPUs and nodes there are, the loopback interface.
#include "process/procfs/procfs.hpp"
#include "process/procfs/subject.hpp"
#include "process/saved_classes.hpp"

#include <fmt/format.h>
#include <linux/magic.h>

namespace tine::process {
namespace {

u64 cpu_bits(u32 cpus) {
  return cpus >= 64 ? ~u64{0} : (u64{1} << cpus) - 1;
}

void add_text(fs::PseudoFs &fs, fs::PseudoDirectory &directory, const char *name,
              const std::string &text) {
  directory.add(name, fs.text(text + "\n"));
}

void add_cpus(fs::PseudoFs &fs, u32 cpus) {
  const Ref<fs::PseudoDirectory> system =
      fs.root_directory()->directory("devices")->directory("system");
  const Ref<fs::PseudoDirectory> cpu = system->directory("cpu");
  const std::string list = bit_list(cpu_bits(cpus)), mask = fmt::format("{:x}", cpu_bits(cpus));
  for (const char *name : {"online", "possible", "present"})
    add_text(fs, *cpu, name, list);
  add_text(fs, *cpu, "offline", "");
  add_text(fs, *cpu, "kernel_max", "63");
  for (u32 number = 0; number < cpus; ++number) {
    const Ref<fs::PseudoDirectory> one = cpu->directory(fmt::format("cpu{}", number));
    if (number != 0)
      add_text(fs, *one, "online", "1");
    const Ref<fs::PseudoDirectory> topology = one->directory("topology");
    add_text(fs, *topology, "physical_package_id", "0");
    add_text(fs, *topology, "core_id", fmt::format("{}", number));
    add_text(fs, *topology, "thread_siblings", fmt::format("{:x}", u64{1} << (number & 63)));
    add_text(fs, *topology, "thread_siblings_list", fmt::format("{}", number));
    add_text(fs, *topology, "core_siblings", mask);
    add_text(fs, *topology, "core_siblings_list", list);
  }
  const Ref<fs::PseudoDirectory> nodes = system->directory("node");
  for (const char *name : {"online", "possible", "has_cpu", "has_memory"})
    add_text(fs, *nodes, name, "0");
  const Ref<fs::PseudoDirectory> node = nodes->directory("node0");
  add_text(fs, *node, "cpulist", list);
  add_text(fs, *node, "cpumap", mask);
  add_text(fs, *node, "distance", "10");
}

void add_loopback(fs::PseudoFs &fs) {
  const Ref<fs::PseudoDirectory> lo =
      fs.root_directory()->directory("class")->directory("net")->directory("lo");
  add_text(fs, *lo, "address", "00:00:00:00:00:00");
  add_text(fs, *lo, "broadcast", "00:00:00:00:00:00");
  add_text(fs, *lo, "mtu", "65536");
  add_text(fs, *lo, "flags", "0x9");
  add_text(fs, *lo, "ifindex", "1");
  add_text(fs, *lo, "operstate", "unknown");
  add_text(fs, *lo, "type", "772");
  add_text(fs, *lo, "carrier", "1");
}

void fill_sysfs(fs::PseudoFs &sysfs, Kernel &kernel) {
  fs::PseudoDirectory &root = *sysfs.root_directory();
  add_cpus(sysfs, std::max(kernel.options.cpus, 1U));
  add_loopback(sysfs);
  for (const char *name : {"block", "bus", "dev", "firmware", "fs", "module", "power"})
    root.directory(name);
  const Ref<fs::PseudoDirectory> kernel_directory = root.directory("kernel");
  const Ref<fs::PseudoDirectory> huge =
      kernel_directory->directory("mm")->directory("transparent_hugepage");
  add_text(sysfs, *huge, "enabled", "always madvise [never]");
  add_text(sysfs, *huge, "defrag", "always defer defer+madvise madvise [never]");
  add_text(sysfs, *huge, "hpage_pmd_size", "2097152");
}

} // namespace

Ref<fs::PseudoFs> make_sysfs(Kernel &kernel) {
  Ref<fs::PseudoFs> sysfs = make_ref<fs::PseudoFs>("sysfs", u64{SYSFS_MAGIC});
  set_up_generated(*sysfs, kernel, fill_sysfs);
  return sysfs;
}

void add_saved_sysfs(fs::PseudoTrees &trees, Kernel &kernel) {
  trees.makers.emplace("sysfs", [&kernel](Archive &, u64 device) {
    Ref<fs::PseudoFs> made = make_ref<fs::PseudoFs>("sysfs", u64{SYSFS_MAGIC}, device);
    set_up_generated(*made, kernel, fill_sysfs);
    return made;
  });
}

} // namespace tine::process
