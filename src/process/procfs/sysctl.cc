// /proc/sys: what can be known of the box, and the few settings that can be changed.
#include "fs/caller.hpp"
#include "net/network.hpp"
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace tine::process {
namespace {

constexpr u64 largest_number = ~u64{0} >> 1;

std::string random_uuid() {
  u8 bytes[16] = {};
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    return "00000000-0000-0000-0000-000000000000";
  bytes[6] = static_cast<u8>((bytes[6] & 0x0f) | 0x40); // RFC 4122, version 4
  bytes[8] = static_cast<u8>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < sizeof bytes; ++i)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return text;
}

/// Adds files below one directory of /proc/sys.
class SysctlWriter {
public:
  SysctlWriter(fs::PseudoFs &fs, Ref<fs::PseudoDirectory> directory)
      : fs_(fs), directory_(std::move(directory)) {}

  template <typename T> void value(const char *name, const T &value) {
    directory_->add(name, fs_.text(fmt::format("{}\n", value), {.mode = 0444}));
  }
  void computed(const char *name, std::function<std::string()> read) {
    directory_->add(name, fs_.file({.mode = 0444}, [read = std::move(read)] {
      return Result<std::string>(read() + "\n");
    }));
  }
  /// A setting that is remembered and has no effect beyond that.
  void remembered(const char *name, std::string initial) {
    const auto text = std::make_shared<std::string>(std::move(initial));
    directory_->add(name, fs_.file(
                              {.mode = 0644}, [text] { return Result<std::string>(*text + "\n"); },
                              [text](std::string_view written) -> Status {
                                while (!written.empty() && written.back() == '\n')
                                  written.remove_suffix(1);
                                *text = written;
                                return Done{};
                              }));
  }
  /// A name of the reader's UTS namespace.
  void text(const char *name, Kernel &kernel, std::string &(*name_of)(const Thread &),
            std::string &first) {
    const auto find = [&kernel, name_of, &first]() -> std::string & {
      const fs::Caller *caller = fs::current_caller();
      const Thread *thread = caller ? kernel.find_thread(caller->thread()) : nullptr;
      return thread ? name_of(*thread) : first;
    };
    directory_->add(name, fs_.file(
                              {.mode = 0644}, [find] { return Result<std::string>(find() + "\n"); },
                              [find](std::string_view written) -> Status {
                                constexpr std::size_t longest = 64;
                                find() = written.substr(0, std::min(written.find('\n'), longest));
                                return Done{};
                              }));
  }
  [[nodiscard]] SysctlWriter below(const std::string &name) {
    return {fs_, directory_->directory(name)};
  }

private:
  fs::PseudoFs &fs_;
  Ref<fs::PseudoDirectory> directory_;
};

void add_kernel(SysctlWriter kernel_directory, Kernel &kernel) {
  kernel_directory.text("hostname", kernel, hostname_of, kernel.hostname);
  kernel_directory.text("domainname", kernel, domain_name_of, kernel.domain_name);
  utsname host{};
  ::uname(&host);
  kernel_directory.value("ostype", "Linux");
  kernel_directory.value("osrelease", host.release);
  kernel_directory.value("version", host.version);
  kernel_directory.value("pid_max", Kernel::pid_limit);
  kernel_directory.value("threads-max", kernel.options.process_limit);
  kernel_directory.value("cap_last_cap", 40);
  kernel_directory.value("ngroups_max", 65536);
  kernel_directory.value("core_pattern", "core");
  kernel_directory.value("core_uses_pid", 0);
  kernel_directory.value("overflowuid", 65534);
  kernel_directory.value("overflowgid", 65534);
  kernel_directory.value("tainted", 0);
  kernel_directory.value("dmesg_restrict", 1);
  kernel_directory.value("kptr_restrict", 1);
  kernel_directory.value("perf_event_paranoid", 4);
  kernel_directory.value("unprivileged_bpf_disabled", 2);
  kernel_directory.value("randomize_va_space", 2);
  kernel_directory.value("sched_child_runs_first", 0);
  kernel_directory.value("sched_rt_period_us", 1000000);
  kernel_directory.value("sched_rt_runtime_us", 950000);
  kernel_directory.value("printk", "4\t4\t1\t7");
  kernel_directory.value("sem", "32000\t1024000000\t500\t32000");
  kernel_directory.value("shmmax", 18446744073692774399ULL);
  kernel_directory.value("shmall", 18446744073692774399ULL);
  kernel_directory.value("shmmni", 4096);
  kernel_directory.value("msgmax", 8192);
  kernel_directory.value("msgmnb", 16384);
  kernel_directory.value("msgmni", 32000);
  // Absent as on a host without the Yama module. Where it is, the box restricts nothing by it.
  if (::access("/proc/sys/kernel/yama/ptrace_scope", F_OK) == 0)
    kernel_directory.below("yama").value("ptrace_scope", 0);
  SysctlWriter random = kernel_directory.below("random");
  random.value("boot_id", random_uuid());
  random.computed("uuid", random_uuid);
  random.value("entropy_avail", 256);
  random.value("poolsize", 256);
  random.value("urandom_min_reseed_secs", 60);
  random.value("write_wakeup_threshold", 256);
}

void add_memory(SysctlWriter memory) {
  memory.remembered("overcommit_memory", "1");
  memory.remembered("overcommit_ratio", "50");
  memory.remembered("overcommit_kbytes", "0");
  memory.remembered("swappiness", "60");
  memory.remembered("max_map_count", "65530");
  memory.remembered("mmap_min_addr", "65536");
  memory.remembered("drop_caches", "0");
  memory.value("nr_hugepages", 0);
  memory.value("nr_overcommit_hugepages", 0);
  memory.value("legacy_va_layout", 0);
  memory.value("mmap_rnd_bits", 28);
  memory.value("min_free_kbytes", 0);
  memory.value("vfs_cache_pressure", 100);
  memory.value("dirty_ratio", 20);
  memory.value("dirty_background_ratio", 10);
  memory.value("page-cluster", 3);
  memory.value("unprivileged_userfaultfd", 0);
}

void add_files(SysctlWriter files) {
  files.value("file-max", largest_number);
  files.value("file-nr", fmt::format("0\t0\t{}", largest_number));
  files.value("nr_open", 1048576);
  files.value("inode-nr", "0\t0");
  files.value("pipe-max-size", 1048576);
  files.value("pipe-user-pages-soft", 16384);
  files.value("pipe-user-pages-hard", 0);
  files.value("lease-break-time", 45);
  files.value("leases-enable", 1);
  files.value("mount-max", 100000);
  files.value("suid_dumpable", 0);
  files.value("aio-nr", 0);
  files.value("aio-max-nr", 65536);
  files.value("overflowuid", 65534);
  files.value("overflowgid", 65534);
  files.value("protected_symlinks", 0);
  files.value("protected_hardlinks", 0);
  files.value("protected_fifos", 0);
  files.value("protected_regular", 0);
  SysctlWriter inotify = files.below("inotify");
  inotify.value("max_queued_events", 16384);
  inotify.value("max_user_instances", 128);
  inotify.value("max_user_watches", 1048576);
  SysctlWriter queues = files.below("mqueue");
  queues.value("msg_default", 10);
  queues.value("msg_max", 10);
  queues.value("msgsize_default", 8192);
  queues.value("msgsize_max", 8192);
  queues.value("queues_max", 256);
  files.below("epoll").value("max_user_watches", 1048576);
}

void add_network(SysctlWriter network) {
  SysctlWriter core = network.below("core");
  core.value("somaxconn", 4096);
  core.value("rmem_default", 212992);
  core.value("rmem_max", 212992);
  core.value("wmem_default", 212992);
  core.value("wmem_max", 212992);
  core.value("optmem_max", 20480);
  core.value("netdev_max_backlog", 1000);
  SysctlWriter v4 = network.below("ipv4");
  v4.value("ip_local_port_range",
           fmt::format("{}\t{}", net::PortTable::first_ephemeral, net::PortTable::last_ephemeral));
  v4.value("ip_unprivileged_port_start", 1024);
  v4.value("ip_forward", 0);
  v4.value("ip_default_ttl", 64);
  v4.value("ip_nonlocal_bind", 0);
  v4.value("ping_group_range", "1\t0");
  v4.value("tcp_rmem", "4096\t131072\t6291456");
  v4.value("tcp_wmem", "4096\t16384\t4194304");
  v4.value("tcp_fin_timeout", 60);
  v4.value("tcp_keepalive_time", 7200);
  v4.value("tcp_keepalive_intvl", 75);
  v4.value("tcp_keepalive_probes", 9);
  v4.value("tcp_max_syn_backlog", 4096);
  v4.value("tcp_syncookies", 0);
  v4.value("tcp_tw_reuse", 0);
  v4.value("tcp_fastopen", 0);
  v4.value("tcp_congestion_control", "cubic");
  v4.value("tcp_available_congestion_control", "cubic");
  SysctlWriter all6 = network.below("ipv6").below("conf").below("all");
  all6.value("disable_ipv6", 0);
  all6.value("forwarding", 0);
  network.below("ipv6").value("bindv6only", 0);
  network.below("unix").value("max_dgram_qlen", 10);
}

} // namespace

void add_sysctl(fs::PseudoFs &fs, Kernel &kernel) {
  SysctlWriter sysctl(fs, fs.root_directory()->directory("sys"));
  add_kernel(sysctl.below("kernel"), kernel);
  add_memory(sysctl.below("vm"));
  add_files(sysctl.below("fs"));
  add_network(sysctl.below("net"));
}

} // namespace tine::process
