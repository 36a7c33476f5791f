// The files of /proc that speak of the box as a whole.
#include "process/accounting.hpp"
#include "process/procfs/cpu_texts.hpp"
#include "process/procfs/kernel_config.hpp"
#include "process/procfs/procfs.hpp"
#include "process/procfs/subject.hpp"

#include <ctime>
#include <fmt/format.h>
#include <set>
#include <sys/utsname.h>

namespace tine::process {
namespace {

constexpr Nanoseconds nanoseconds_per_second = 1'000'000'000;

/// CPU time of all processes, with that of those that were waited for.
struct TotalTime {
  Nanoseconds user = 0, system = 0;
};

TotalTime total_time(const Kernel &kernel) {
  TotalTime total;
  for (const auto &[pid, process] : kernel.processes()) {
    total.user += process->usage.user_time + process->children_usage.user_time;
    total.system += process->usage.system_time + process->children_usage.system_time;
  }
  return total;
}

Nanoseconds uptime(const Kernel &kernel) {
  return time::TimerQueue::now() - kernel.boot_time;
}

/// Time that the CPUs had nothing to do: it never decreases, so what runs now is counted up to now.
Nanoseconds idle_time(const Kernel &kernel) {
  const TotalTime used = total_time(kernel);
  const Nanoseconds now = time::TimerQueue::now();
  Nanoseconds idle = (now - kernel.boot_time) * kernel.options.cpus - used.user - used.system;
  for (const auto &[pid, process] : kernel.processes())
    for (const Ref<Thread> &thread : process->threads)
      if (thread->on_cpu_since != 0)
        idle -= now - thread->on_cpu_since;
  return std::max<Nanoseconds>(idle, 0);
}

std::string meminfo_text(const Kernel &kernel) {
  const memory::FrameArena &frames = kernel.host.frames;
  const u64 total = frames.limit_bytes() >> 10;
  const u64 used = std::min(frames.frames_in_use() * page_size >> 10, total);
  std::string text;
  const auto line = [&](const char *name, u64 kilobytes) {
    text += fmt::format("{:<16}{:>8} kB\n", std::string(name) + ":", kilobytes);
  };
  line("MemTotal", total);
  line("MemFree", total - used);
  line("MemAvailable", total - used);
  for (const char *name : {"Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)",
                           "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable",
                           "Mlocked", "SwapTotal", "SwapFree", "Dirty", "Writeback"})
    line(name, 0);
  line("AnonPages", used);
  for (const char *name : {"Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim",
                           "KernelStack", "PageTables", "NFS_Unstable", "Bounce", "WritebackTmp"})
    line(name, 0);
  line("CommitLimit", total);
  line("Committed_AS", used);
  line("VmallocTotal", 34359738367);
  for (const char *name : {"VmallocUsed", "VmallocChunk", "Percpu", "AnonHugePages"})
    line(name, 0);
  text += "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
          "HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n";
  return text;
}

std::string stat_text(const Kernel &kernel) {
  const TotalTime used = total_time(kernel);
  const u32 cpus = std::max(kernel.options.cpus, 1U);
  const auto cpu_line = [&](const std::string &name, u32 share) {
    return fmt::format("{} {} 0 {} {} 0 0 0 0 0 0\n", name,
                       used.user / nanoseconds_per_tick / share,
                       used.system / nanoseconds_per_tick / share,
                       idle_time(kernel) / nanoseconds_per_tick / share);
  };
  // Which CPU a thread ran on isn't kept: each gets its share of the whole.
  std::string text = cpu_line("cpu ", 1);
  for (u32 cpu = 0; cpu < cpus; ++cpu)
    text += cpu_line(fmt::format("cpu{}", cpu), cpus);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const KernelCounters &counters = kernel.counters;
  text += fmt::format(
      "intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n"
      "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
      counters.context_switches, now.tv_sec - uptime(kernel) / nanoseconds_per_second,
      counters.forks + counters.vforks + counters.threads + 1, count_threads(kernel).running);
  return text;
}

std::string uptime_text(const Kernel &kernel) {
  const auto seconds = [](Nanoseconds time) {
    return fmt::format("{}.{:02}", time / nanoseconds_per_second,
                       time % nanoseconds_per_second / nanoseconds_per_tick);
  };
  return seconds(uptime(kernel)) + " " + seconds(idle_time(kernel)) + "\n";
}

std::string loadavg_text(const Kernel &kernel) {
  const ThreadCounts counts = count_threads(kernel);
  const i32 last = kernel.processes().empty() ? 0 : kernel.processes().rbegin()->first.value;
  std::string text;
  for (const u64 thousandths : kernel.load.averages(time::TimerQueue::now()))
    text += fmt::format("{}.{:02} ", thousandths / 1000, thousandths % 1000 / 10);
  return text + fmt::format("{}/{} {}\n", counts.running, counts.total, last);
}

std::string vmstat_text(const Kernel &kernel) {
  const memory::FrameArena &frames = kernel.host.frames;
  const u64 total = frames.limit_bytes() >> page_shift;
  const memory::FaultCounters faults = fault_totals(kernel);
  return fmt::format("nr_free_pages {}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault {}\n"
                     "pgmajfault {}\n",
                     total - std::min(total, frames.frames_in_use()), faults.minor_faults(),
                     faults.major);
}

std::string interrupts_text(const Kernel &kernel) {
  std::string text = "    ";
  for (u32 cpu = 0; cpu < kernel.options.cpus; ++cpu)
    text += fmt::format("       CPU{:<4}", cpu);
  return text + "\n";
}

std::string filesystems_text(const Kernel &kernel) {
  std::string text;
  for (const std::string &name : file_system_types(kernel))
    text += "nodev\t" + name + "\n";
  return text;
}

constexpr const char *devices_text = "Character devices:\n  1 mem\n  5 /dev/tty\n  5 "
                                     "/dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\n"
                                     "Block devices:\n";

} // namespace

std::vector<std::string> file_system_types(const Kernel &kernel) {
  std::set<std::string> names = {"proc",     "sysfs",  "tmpfs", "devpts",
                                 "devtmpfs", "sockfs", "pipefs"};
  if (kernel.mounts)
    for (const Ref<fs::Mount> &mount : kernel.mounts->mounts())
      names.insert(mount->file_system->type_name());
  return {names.begin(), names.end()};
}

std::string version_line() {
  utsname host{};
  ::uname(&host);
  return fmt::format("Linux version {} (tine) {}\n", host.release, host.version);
}

void add_system_files(fs::PseudoFs &fs, Kernel &kernel) {
  fs::PseudoDirectory &root = *fs.root_directory();
  const auto add = [&](const char *name, std::string (*text)(const Kernel &)) {
    root.add(name, fs.file({}, [&kernel, text] { return Result<std::string>(text(kernel)); }));
  };
  add("meminfo", meminfo_text);
  add("stat", stat_text);
  add("uptime", uptime_text);
  add("loadavg", loadavg_text);
  add("vmstat", vmstat_text);
  add("interrupts", interrupts_text);
  add("filesystems", filesystems_text);
  add("locks", locks_text);
  root.add("cpuinfo", fs.file({}, [&kernel, host = HostProcessor::read()] {
    return Result<std::string>(cpuinfo_text(host, std::max(kernel.options.cpus, 1U)));
  }));
  root.add("version", fs.file({}, [] { return Result<std::string>(version_line()); }));
  root.add("cmdline", fs.text("tine\n"));
  root.add("config.gz", fs.text(kernel_config()));
  root.add("devices", fs.text(devices_text));
  root.add("swaps", fs.text("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"));
  root.add("partitions", fs.text("major minor  #blocks  name\n\n"));
  root.add("cgroups", fs.text("#subsys_name\thierarchy\tnum_cgroups\tenabled\n"));
  root.add("consoles", fs.text(""));
  for (const char *empty : {"diskstats", "modules", "crypto", "misc", "iomem", "ioports"})
    root.add(empty, fs.text(""));
}

} // namespace tine::process
