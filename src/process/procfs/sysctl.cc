// /proc/sys: what can be known of the box, and the few settings that can be changed.
#include "fs/caller.hpp"
#include "net/network.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"
#include "process/settings.hpp"

#include <charconv>
#include <climits>
#include <fcntl.h>
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

/// Linux's proc_dointvec: numbers, as many as are written; the rest stays. EINVAL for anything
/// else.
Status parse_vector(std::string_view text, std::span<i32> values) {
  for (i32 &value : values) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    if (text.empty())
      return Done{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{})
      return Errno{EINVAL};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return Done{};
}

/// As many numbers as there is room for; EINVAL for anything else, negative ones included.
template <typename T> Status parse_numbers(std::string_view text, std::span<T> values) {
  for (T &value : values) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value < T{0})
      return Errno{EINVAL};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return text.find_first_not_of(" \t\n") == std::string_view::npos ? Status(Done{}) : Errno{EINVAL};
}

IpcNamespace &reader_ipc(Kernel &kernel) {
  const Thread *thread = current_thread(kernel);
  return thread ? ipc_of(*thread) : *kernel.ipc;
}

struct Setting {
  const char *path;
  const char *text;
};

/// Of the values that a limit may have.
struct Range {
  u64 least = 0, most = ~u64{0};
};

/// Adds files below one directory of /proc/sys.
class SysctlWriter {
public:
  SysctlWriter(fs::PseudoFs &fs, Ref<fs::PseudoDirectory> directory)
      : fs_(fs), directory_(std::move(directory)) {}

  template <typename T> void value(const std::string &name, const T &value) {
    directory_->add(name, fs_.text(fmt::format("{}\n", value), {.mode = 0444}));
  }
  /// Read-only without `accept`.
  void generated(const std::string &name, std::function<std::string()> read,
                 fs::Accept accept = nullptr) {
    const u32 mode = accept ? 0644 : 0444;
    directory_->add(name,
                    fs_.file(
                        {.mode = mode},
                        [read = std::move(read)] { return Result<std::string>(read() + "\n"); },
                        std::move(accept)));
  }
  /// A setting that is remembered once it is written; `setting` lasts as long as the program.
  void remembered(const std::string &name, Kernel &kernel, const Setting &setting) {
    generated(
        name,
        [&kernel, &setting] {
          const auto written = kernel.remembered_settings.find(setting.path);
          return written == kernel.remembered_settings.end() ? setting.text : written->second;
        },
        [&kernel, path = setting.path](std::string_view written) -> Status {
          while (!written.empty() && written.back() == '\n')
            written.remove_suffix(1);
          std::string accepted = TINE_TRY(accepted_setting(kernel, path, written));
          kernel.remembered_settings[path] = std::move(accepted);
          apply_setting(kernel, path);
          return Done{};
        });
  }
  /// A limit that can be changed, of the reader's IPC namespace: EINVAL outside of the range.
  template <typename Find>
  void limit(const std::string &name, Kernel &kernel, Find find, Range range = {}) {
    generated(
        name, [&kernel, find] { return std::to_string(find(reader_ipc(kernel))); },
        [&kernel, find, range](std::string_view written) -> Status {
          std::remove_reference_t<decltype(find(reader_ipc(kernel)))> value{};
          TINE_TRY(parse_numbers(written, std::span(&value, 1)));
          if (static_cast<u64>(value) < range.least || static_cast<u64>(value) > range.most)
            return Errno{EINVAL};
          find(reader_ipc(kernel)) = value;
          return Done{};
        });
  }
  /// A name of the reader's UTS namespace.
  void text(const std::string &name, Kernel &kernel, std::string &(*name_of)(const Thread &),
            std::string &first) {
    const auto find = [&kernel, name_of, &first]() -> std::string & {
      const Thread *thread = current_thread(kernel);
      return thread ? name_of(*thread) : first;
    };
    generated(
        name, [find] { return find(); },
        [find](std::string_view written) -> Status {
          constexpr std::size_t longest = 64;
          find() = written.substr(0, std::min(written.find('\n'), longest));
          return Done{};
        });
  }
  [[nodiscard]] SysctlWriter below(const std::string &name) {
    return {fs_, directory_->directory(name)};
  }
  /// The same at a path: add(writer, name) in the directory that holds it.
  template <typename Add> void at(std::string_view path, Add &&add) {
    const std::size_t end = path.find('/');
    if (end == std::string_view::npos)
      add(*this, std::string(path));
    else
      below(std::string(path.substr(0, end))).at(path.substr(end + 1), add);
  }

private:
  fs::PseudoFs &fs_;
  Ref<fs::PseudoDirectory> directory_;
};

/// What the box can't change, as Linux has it by default.
constexpr Setting fixed_settings[] = {
    {"kernel/ostype", "Linux"},
    {"kernel/cap_last_cap", "40"},
    {"kernel/ngroups_max", "65536"},
    {"kernel/overflowuid", "65534"},
    {"kernel/overflowgid", "65534"},
    {"kernel/tainted", "0"},
    {"kernel/dmesg_restrict", "1"},
    {"kernel/kptr_restrict", "1"},
    {"kernel/perf_event_paranoid", "4"},
    {"kernel/unprivileged_bpf_disabled", "2"},
    {"kernel/randomize_va_space", "2"},
    {"kernel/sched_child_runs_first", "0"},
    {"kernel/printk", "4\t4\t1\t7"},
    {"kernel/random/entropy_avail", "256"},
    {"kernel/random/poolsize", "256"},
    {"kernel/random/urandom_min_reseed_secs", "60"},
    {"kernel/random/write_wakeup_threshold", "256"},
    {"vm/nr_hugepages", "0"},
    {"vm/nr_overcommit_hugepages", "0"},
    {"vm/legacy_va_layout", "0"},
    {"vm/mmap_rnd_bits", "28"},
    {"vm/min_free_kbytes", "0"},
    {"vm/vfs_cache_pressure", "100"},
    {"vm/dirty_ratio", "20"},
    {"vm/dirty_background_ratio", "10"},
    {"vm/page-cluster", "3"},
    {"vm/unprivileged_userfaultfd", "0"},
    {"fs/inode-nr", "0\t0"},
    {"fs/pipe-user-pages-soft", "16384"},
    {"fs/pipe-user-pages-hard", "0"},
    {"fs/leases-enable", "1"},
    {"fs/dir-notify-enable", "1"},
    {"fs/mount-max", "100000"},
    {"fs/suid_dumpable", "0"},
    {"fs/aio-nr", "0"},
    {"fs/aio-max-nr", "65536"},
    {"fs/overflowuid", "65534"},
    {"fs/overflowgid", "65534"},
    {"fs/protected_symlinks", "0"},
    {"fs/protected_hardlinks", "0"},
    {"fs/protected_fifos", "0"},
    {"fs/protected_regular", "0"},
    {"fs/inotify/max_queued_events", "16384"},
    {"fs/inotify/max_user_instances", "128"},
    {"fs/inotify/max_user_watches", "1048576"},
    {"net/core/somaxconn", "4096"},
    {"net/core/rmem_default", "212992"},
    {"net/core/rmem_max", "212992"},
    {"net/core/wmem_default", "212992"},
    {"net/core/wmem_max", "212992"},
    {"net/core/optmem_max", "20480"},
    {"net/core/netdev_max_backlog", "1000"},
    {"net/ipv4/ip_unprivileged_port_start", "1024"},
    {"net/ipv4/ip_forward", "0"},
    {"net/ipv4/ip_default_ttl", "64"},
    {"net/ipv4/ip_nonlocal_bind", "0"},
    {"net/ipv4/ping_group_range", "1\t0"},
    {"net/ipv4/tcp_rmem", "4096\t131072\t6291456"},
    {"net/ipv4/tcp_wmem", "4096\t16384\t4194304"},
    {"net/ipv4/tcp_fin_timeout", "60"},
    {"net/ipv4/tcp_keepalive_time", "7200"},
    {"net/ipv4/tcp_keepalive_intvl", "75"},
    {"net/ipv4/tcp_keepalive_probes", "9"},
    {"net/ipv4/tcp_max_syn_backlog", "4096"},
    {"net/ipv4/tcp_syncookies", "0"},
    {"net/ipv4/tcp_tw_reuse", "0"},
    {"net/ipv4/tcp_fastopen", "0"},
    {"net/ipv4/tcp_congestion_control", "cubic"},
    {"net/ipv4/tcp_available_congestion_control", "cubic"},
    {"net/ipv6/conf/all/disable_ipv6", "0"},
    {"net/ipv6/conf/all/forwarding", "0"},
    {"fs/epoll/max_user_watches", "1048576"},
    {"net/ipv6/bindv6only", "0"},
    {"net/unix/max_dgram_qlen", "10"},
};

/// What is remembered. settings.hpp says which of these mean something.
constexpr Setting remembered_settings[] = {
    {"vm/overcommit_memory", "1"},
    {"vm/overcommit_ratio", "50"},
    {"vm/overcommit_kbytes", "0"},
    {"vm/swappiness", "60"},
    {"vm/max_map_count", "65530"},
    {"vm/mmap_min_addr", "65536"},
    {"vm/drop_caches", "0"},
    {"fs/lease-break-time", "45"},
    {"fs/pipe-max-size", "1048576"},
    {"kernel/core_pattern", "core"},
    {"kernel/core_uses_pid", "0"},
    {"kernel/pid_max", "4194304"},
    {"kernel/sched_rt_period_us", "1000000"},
    {"kernel/sched_rt_runtime_us", "950000"},
    {"kernel/sched_rr_timeslice_ms", "100"},
    {"fs/nr_open", "1048576"},
    {"user/max_user_namespaces", "65536"},
    {"user/max_pid_namespaces", "65536"},
    {"user/max_mnt_namespaces", "65536"},
    {"user/max_uts_namespaces", "65536"},
    {"user/max_ipc_namespaces", "65536"},
    {"user/max_net_namespaces", "65536"},
    {"user/max_cgroup_namespaces", "65536"},
};

/// The limits of System V IPC, of the reader's namespace: the "…sysctl" files of shmget(2),
/// semget(2), msgget(2).
void add_ipc(SysctlWriter kernel_directory, Kernel &kernel) {
  kernel_directory.limit(
      "shmmax", kernel,
      [](IpcNamespace & ipc) -> auto & { return ipc.shared_memory.limits.largest_segment; });
  kernel_directory.limit(
      "shmall", kernel,
      [](IpcNamespace & ipc) -> auto & { return ipc.shared_memory.limits.total_pages; });
  kernel_directory.limit("shmmni", kernel, [](IpcNamespace & ipc) -> auto & {
    return ipc.shared_memory.limits.segments;
  },
                         {.most = IpcNumbers::index_limit});
  kernel_directory.limit("msgmax", kernel, [](IpcNamespace & ipc) -> auto & {
    return ipc.message_queues.limits.largest_message;
  },
                         {.most = INT_MAX});
  kernel_directory.limit("msgmnb", kernel, [](IpcNamespace & ipc) -> auto & {
    return ipc.message_queues.limits.queue_bytes;
  },
                         {.most = INT_MAX});
  kernel_directory.limit("msgmni", kernel, [](IpcNamespace & ipc) -> auto & {
    return ipc.message_queues.limits.queues;
  },
                         {.most = IpcNumbers::index_limit});
  kernel_directory.limit(
      "shm_next_id", kernel,
      [](IpcNamespace & ipc) -> auto & { return ipc.shared_memory.segments().next_id(); });
  kernel_directory.limit(
      "msg_next_id", kernel,
      [](IpcNamespace & ipc) -> auto & { return ipc.message_queues.queues().next_id(); });
  kernel_directory.limit(
      "sem_next_id", kernel,
      [](IpcNamespace & ipc) -> auto & { return ipc.semaphores.sets().next_id(); });
  kernel_directory.generated(
      "sem",
      [&kernel] {
        const SemaphoreLimits &limits = reader_ipc(kernel).semaphores.limits;
        return fmt::format("{}\t{}\t{}\t{}", limits.per_set, limits.total, limits.operations,
                           limits.sets);
      },
      [&kernel](std::string_view written) -> Status {
        SemaphoreLimits &limits = reader_ipc(kernel).semaphores.limits;
        i32 values[4] = {limits.per_set, limits.total, limits.operations, limits.sets};
        TINE_TRY(parse_vector(written, std::span<i32>(values)));
        if (values[3] < 0 || values[3] > IpcNumbers::index_limit)
          return Errno{ERANGE};
        limits = {values[0], values[1], values[2], values[3]};
        return Done{};
      });
}

/// mq_overview(7), of the reader's namespace.
void add_posix_queues(SysctlWriter queues, Kernel &kernel) {
  const auto add = [&](const char *name, auto PosixQueueLimits::*member, u64 least, u64 most) {
    queues.limit(
        name,
        kernel, [member](IpcNamespace & ipc) -> auto & { return ipc.posix_queues->limits.*member; },
        {least, most});
  };
  constexpr u64 least_bytes = 128; // MIN_MSGSIZEMAX
  add("msg_default", &PosixQueueLimits::default_messages, 1, most_posix_messages);
  add("msg_max", &PosixQueueLimits::messages, 1, most_posix_messages);
  add("msgsize_default", &PosixQueueLimits::default_message_bytes, least_bytes, most_posix_bytes);
  add("msgsize_max", &PosixQueueLimits::message_bytes, least_bytes, most_posix_bytes);
  add("queues_max", &PosixQueueLimits::queues, 0, INT_MAX);
}

void add_kernel(SysctlWriter kernel_directory, Kernel &kernel) {
  kernel_directory.text("hostname", kernel, hostname_of, kernel.hostname);
  kernel_directory.text("domainname", kernel, domain_name_of, kernel.domain_name);
  utsname host{};
  ::uname(&host);
  kernel_directory.value("osrelease", host.release);
  kernel_directory.value("version", host.version);
  kernel_directory.value("threads-max", kernel.options.process_limit);
  // Absent as on a host without the Yama module. Where it is, the box restricts nothing by it.
  if (::faccessat(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", F_OK, 0) == 0)
    kernel_directory.below("yama").value("ptrace_scope", 0);
  SysctlWriter random = kernel_directory.below("random");
  random.value("boot_id", random_uuid());
  random.generated("uuid", random_uuid);
}

} // namespace

void add_sysctl(fs::PseudoFs &fs, Kernel &kernel) {
  SysctlWriter sysctl(fs, fs.root_directory()->directory("sys"));
  for (const Setting &setting : fixed_settings)
    sysctl.at(setting.path, [&](SysctlWriter &writer, const std::string &name) {
      writer.value(name, setting.text);
    });
  for (const Setting &setting : remembered_settings)
    sysctl.at(setting.path, [&](SysctlWriter &writer, const std::string &name) {
      writer.remembered(name, kernel, setting);
    });
  SysctlWriter files = sysctl.below("fs");
  files.value("file-max", largest_number);
  files.value("file-nr", fmt::format("0\t0\t{}", largest_number));
  sysctl.below("net").below("ipv4").value(
      "ip_local_port_range",
      fmt::format("{}\t{}", net::PortTable::first_ephemeral, net::PortTable::last_ephemeral));
  add_kernel(sysctl.below("kernel"), kernel);
  add_ipc(sysctl.below("kernel"), kernel);
  add_posix_queues(files.below("mqueue"), kernel);
}

} // namespace tine::process
