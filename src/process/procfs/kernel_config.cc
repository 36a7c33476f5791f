// /proc/config.gz: what is in this kernel, by the names of Linux's configuration; proc(5). Programs
// look there before they use what a kernel may lack. An option that is in neither list is not known
// here.
#include "process/procfs/kernel_config.hpp"

#include <span>
#include <string_view>

namespace tine::process {
namespace {

constexpr std::string_view present[] = {
    "64BIT",
    "X86",
    "X86_64",
    "MMU",
    "SMP",
    "MULTIUSER",
    "PRINTK",
    "BASE_FULL",
    "SYSVIPC",
    "SYSVIPC_SYSCTL",
    "POSIX_MQUEUE",
    "POSIX_MQUEUE_SYSCTL",
    "CROSS_MEMORY_ATTACH",
    "NAMESPACES",
    "UTS_NS",
    "IPC_NS",
    "USER_NS",
    "PID_NS",
    "NET_NS",
    "POSIX_TIMERS",
    "HIGH_RES_TIMERS",
    "FUTEX",
    "FUTEX_PI",
    "EPOLL",
    "SIGNALFD",
    "TIMERFD",
    "EVENTFD",
    "AIO",
    "ADVISE_SYSCALLS",
    "MEMBARRIER",
    "RSEQ",
    "KCMP",
    "SECCOMP",
    "PROC_FS",
    "PROC_SYSCTL",
    "PROC_PAGE_MONITOR",
    "PROC_CHILDREN",
    "SYSFS",
    "IKCONFIG",
    "IKCONFIG_PROC",
    "SHMEM",
    "TMPFS",
    "TMPFS_XATTR",
    "MEMFD_CREATE",
    "FILE_LOCKING",
    "FSNOTIFY",
    "DNOTIFY",
    "INOTIFY_USER",
    "BINFMT_ELF",
    "BINFMT_SCRIPT",
    "COREDUMP",
    "ELF_CORE",
    "TTY",
    "UNIX98_PTYS",
    "NET",
    "UNIX",
    "INET",
    "IPV6",
    "HZ_250",
};

constexpr std::string_view absent[] = {
    "TIME_NS",
    "CGROUPS",
    "MODULES",
    "SWAP",
    "NUMA",
    "HUGETLBFS",
    "HUGETLB_PAGE",
    "TRANSPARENT_HUGEPAGE",
    "KSM",
    "MEMORY_FAILURE",
    "MEM_SOFT_DIRTY",
    "ANON_VMA_NAME",
    "USERFAULTFD",
    "SECRETMEM",
    "SECCOMP_FILTER",
    "BPF_SYSCALL",
    "PERF_EVENTS",
    "IO_URING",
    "FANOTIFY",
    "FHANDLE",
    "KEYS",
    "SECURITY",
    "SECURITY_LANDLOCK",
    "AUDIT",
    "MODIFY_LDT_SYSCALL",
    "X86_IOPL_IOPERM",
    "X86_VSYSCALL_EMULATION",
    "CHECKPOINT_RESTORE",
    "BSD_PROCESS_ACCT",
    "TASKSTATS",
    "TASK_IO_ACCOUNTING",
    "SCHED_AUTOGROUP",
    "SCHED_CORE",
    "UCLAMP_TASK",
    "RT_GROUP_SCHED",
    "CPUSETS",
    "MEMCG",
    "BLK_CGROUP",
    "KALLSYMS",
    "KEXEC",
    "HIBERNATION",
    "KVM",
    "BLOCK",
    "BLK_DEV_LOOP",
    "BLK_DEV_RAM",
    "EXT4_FS",
    "XFS_FS",
    "BTRFS_FS",
    "VFAT_FS",
    "OVERLAY_FS",
    "FUSE_FS",
    "SQUASHFS",
    "QUOTA",
    "TUN",
    "VETH",
    "BRIDGE",
    "DUMMY",
    "PACKET",
    "NETFILTER",
    "IP_SCTP",
    "VSOCKETS",
    "CRYPTO",
    "CRYPTO_USER_API",
    "RTC_CLASS",
    "INPUT_UINPUT",
    "FAULT_INJECTION",
    "PROVE_LOCKING",
    "LOCKDEP",
    "DEBUG_SPINLOCK",
    "DEBUG_RT_MUTEXES",
    "DEBUG_MUTEXES",
    "DEBUG_OBJECTS",
    "DEBUG_NET",
    "KASAN",
    "UBSAN",
    "UBSAN_SIGNED_OVERFLOW",
    "SLUB_RCU_DEBUG",
    "TRACE_IRQFLAGS",
    "EXT4_DEBUG",
    "QUOTA_DEBUG",
    "LATENCYTOP",
};

u32 crc32(std::string_view bytes) {
  u32 crc = ~u32{0};
  for (const char byte : bytes) {
    crc ^= static_cast<u8>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ (0xedb88320 & (0 - (crc & 1)));
  }
  return ~crc;
}

void append_little_endian(std::string &to, u64 value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    to.push_back(static_cast<char>(value >> (8 * i)));
}

/// RFC 1952, with blocks that are stored as they are (RFC 1951, 3.2.4).
std::string gzip(std::string_view text) {
  constexpr std::size_t longest_block = 0xffff;
  std::string file("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view block = rest.substr(0, longest_block);
    rest.remove_prefix(block.size());
    file.push_back(rest.empty() ? 1 : 0);
    append_little_endian(file, block.size(), 2);
    append_little_endian(file, ~block.size(), 2);
    file += block;
  }
  append_little_endian(file, crc32(text), 4);
  append_little_endian(file, text.size(), 4);
  return file;
}

} // namespace

std::string kernel_config() {
  std::string text = "CONFIG_HZ=250\n";
  for (const std::string_view name : present)
    text.append("CONFIG_").append(name).append("=y\n");
  for (const std::string_view name : absent)
    text.append("# CONFIG_").append(name).append(" is not set\n");
  return gzip(text);
}

} // namespace tine::process
