// The constants that strace prints by name, one list a kind of argument. A name of several bits
// comes before its parts.
#pragma once

#include "base/types.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tine::syscall {

struct NamedValue {
  u64 value;
  std::string_view name;
};

#define TINE_NAME(name)                                                                            \
  NamedValue {                                                                                     \
    static_cast<u64>(name), #name                                                                  \
  }
inline constexpr std::array protection_names{TINE_NAME(PROT_READ), TINE_NAME(PROT_WRITE),
                                             TINE_NAME(PROT_EXEC), TINE_NAME(PROT_GROWSDOWN),
                                             TINE_NAME(PROT_GROWSUP)};
inline constexpr std::array map_names{
    TINE_NAME(MAP_SHARED_VALIDATE), TINE_NAME(MAP_SHARED),         TINE_NAME(MAP_PRIVATE),
    TINE_NAME(MAP_FIXED),           TINE_NAME(MAP_ANONYMOUS),      TINE_NAME(MAP_GROWSDOWN),
    TINE_NAME(MAP_DENYWRITE),       TINE_NAME(MAP_LOCKED),         TINE_NAME(MAP_NORESERVE),
    TINE_NAME(MAP_POPULATE),        TINE_NAME(MAP_NONBLOCK),       TINE_NAME(MAP_STACK),
    TINE_NAME(MAP_HUGETLB),         TINE_NAME(MAP_FIXED_NOREPLACE)};
inline constexpr std::array access_names{TINE_NAME(R_OK), TINE_NAME(W_OK), TINE_NAME(X_OK)};
inline constexpr std::array at_names{
    TINE_NAME(AT_SYMLINK_NOFOLLOW), NamedValue{0x200, "AT_REMOVEDIR"}, TINE_NAME(AT_SYMLINK_FOLLOW),
    TINE_NAME(AT_NO_AUTOMOUNT), TINE_NAME(AT_EMPTY_PATH)};
inline constexpr std::array statx_flag_names{
    NamedValue{0x2000, "AT_STATX_FORCE_SYNC"}, NamedValue{0x4000, "AT_STATX_DONT_SYNC"},
    TINE_NAME(AT_SYMLINK_NOFOLLOW), TINE_NAME(AT_NO_AUTOMOUNT), TINE_NAME(AT_EMPTY_PATH)};
inline constexpr std::array statx_mask_names{TINE_NAME(STATX_ALL),
                                             TINE_NAME(STATX_BASIC_STATS),
                                             TINE_NAME(STATX_TYPE),
                                             TINE_NAME(STATX_MODE),
                                             TINE_NAME(STATX_NLINK),
                                             TINE_NAME(STATX_UID),
                                             TINE_NAME(STATX_GID),
                                             TINE_NAME(STATX_ATIME),
                                             TINE_NAME(STATX_MTIME),
                                             TINE_NAME(STATX_CTIME),
                                             TINE_NAME(STATX_INO),
                                             TINE_NAME(STATX_SIZE),
                                             TINE_NAME(STATX_BLOCKS),
                                             TINE_NAME(STATX_BTIME),
                                             NamedValue{0x1000, "STATX_MNT_ID"},
                                             NamedValue{0x2000, "STATX_DIOALIGN"}};
inline constexpr std::array msync_names{TINE_NAME(MS_ASYNC), TINE_NAME(MS_INVALIDATE),
                                        TINE_NAME(MS_SYNC)};
inline constexpr std::array mremap_names{TINE_NAME(MREMAP_MAYMOVE), TINE_NAME(MREMAP_FIXED),
                                         TINE_NAME(MREMAP_DONTUNMAP)};
inline constexpr std::array wait_names{TINE_NAME(WNOHANG),
                                       TINE_NAME(WSTOPPED),
                                       TINE_NAME(WEXITED),
                                       TINE_NAME(WCONTINUED),
                                       TINE_NAME(WNOWAIT),
                                       NamedValue{0x20000000, "__WNOTHREAD"},
                                       NamedValue{0x40000000, "__WALL"},
                                       NamedValue{0x80000000, "__WCLONE"}};
inline constexpr std::array message_names{
    TINE_NAME(MSG_OOB),        TINE_NAME(MSG_PEEK),     TINE_NAME(MSG_DONTROUTE),
    TINE_NAME(MSG_CTRUNC),     TINE_NAME(MSG_TRUNC),    TINE_NAME(MSG_DONTWAIT),
    TINE_NAME(MSG_EOR),        TINE_NAME(MSG_WAITALL),  TINE_NAME(MSG_CONFIRM),
    TINE_NAME(MSG_ERRQUEUE),   TINE_NAME(MSG_NOSIGNAL), TINE_NAME(MSG_MORE),
    TINE_NAME(MSG_WAITFORONE), TINE_NAME(MSG_FASTOPEN), TINE_NAME(MSG_CMSG_CLOEXEC)};
inline constexpr std::array epoll_create_names{TINE_NAME(EPOLL_CLOEXEC)};
inline constexpr std::array eventfd_names{TINE_NAME(EFD_SEMAPHORE), TINE_NAME(EFD_CLOEXEC),
                                          TINE_NAME(EFD_NONBLOCK)};
inline constexpr std::array timerfd_names{TINE_NAME(TFD_CLOEXEC), TINE_NAME(TFD_NONBLOCK)};
inline constexpr std::array timer_names{TINE_NAME(TIMER_ABSTIME),
                                        TINE_NAME(TFD_TIMER_CANCEL_ON_SET)};
inline constexpr std::array random_names{TINE_NAME(GRND_NONBLOCK), TINE_NAME(GRND_RANDOM),
                                         TINE_NAME(GRND_INSECURE)};
inline constexpr std::array memfd_names{TINE_NAME(MFD_CLOEXEC), TINE_NAME(MFD_ALLOW_SEALING),
                                        TINE_NAME(MFD_HUGETLB)};
inline constexpr std::array rename_names{TINE_NAME(RENAME_NOREPLACE), TINE_NAME(RENAME_EXCHANGE),
                                         TINE_NAME(RENAME_WHITEOUT)};
inline constexpr std::array flock_names{TINE_NAME(LOCK_SH), TINE_NAME(LOCK_EX), TINE_NAME(LOCK_UN),
                                        TINE_NAME(LOCK_NB)};
inline constexpr std::array fallocate_names{
    TINE_NAME(FALLOC_FL_KEEP_SIZE),      TINE_NAME(FALLOC_FL_PUNCH_HOLE),
    TINE_NAME(FALLOC_FL_COLLAPSE_RANGE), TINE_NAME(FALLOC_FL_ZERO_RANGE),
    TINE_NAME(FALLOC_FL_INSERT_RANGE),   TINE_NAME(FALLOC_FL_UNSHARE_RANGE)};
inline constexpr std::array close_range_names{NamedValue{2, "CLOSE_RANGE_UNSHARE"},
                                              NamedValue{4, "CLOSE_RANGE_CLOEXEC"}};
inline constexpr std::array socket_flag_names{TINE_NAME(SOCK_CLOEXEC), TINE_NAME(SOCK_NONBLOCK)};
inline constexpr std::array socket_type_names{TINE_NAME(SOCK_STREAM),    TINE_NAME(SOCK_DGRAM),
                                              TINE_NAME(SOCK_RAW),       TINE_NAME(SOCK_RDM),
                                              TINE_NAME(SOCK_SEQPACKET), TINE_NAME(SOCK_PACKET)};
inline constexpr std::array advice_names{
    TINE_NAME(MADV_NORMAL),     TINE_NAME(MADV_RANDOM),        TINE_NAME(MADV_SEQUENTIAL),
    TINE_NAME(MADV_WILLNEED),   TINE_NAME(MADV_DONTNEED),      TINE_NAME(MADV_FREE),
    TINE_NAME(MADV_REMOVE),     TINE_NAME(MADV_DONTFORK),      TINE_NAME(MADV_DOFORK),
    TINE_NAME(MADV_MERGEABLE),  TINE_NAME(MADV_UNMERGEABLE),   TINE_NAME(MADV_HUGEPAGE),
    TINE_NAME(MADV_NOHUGEPAGE), TINE_NAME(MADV_DONTDUMP),      TINE_NAME(MADV_DODUMP),
    TINE_NAME(MADV_WIPEONFORK), TINE_NAME(MADV_KEEPONFORK),    TINE_NAME(MADV_COLD),
    TINE_NAME(MADV_PAGEOUT),    TINE_NAME(MADV_POPULATE_READ), TINE_NAME(MADV_POPULATE_WRITE)};
inline constexpr std::array file_advice_names{
    TINE_NAME(POSIX_FADV_NORMAL),     TINE_NAME(POSIX_FADV_RANDOM),
    TINE_NAME(POSIX_FADV_SEQUENTIAL), TINE_NAME(POSIX_FADV_WILLNEED),
    TINE_NAME(POSIX_FADV_DONTNEED),   TINE_NAME(POSIX_FADV_NOREUSE)};
inline constexpr std::array clock_names{TINE_NAME(CLOCK_REALTIME),
                                        TINE_NAME(CLOCK_MONOTONIC),
                                        TINE_NAME(CLOCK_PROCESS_CPUTIME_ID),
                                        TINE_NAME(CLOCK_THREAD_CPUTIME_ID),
                                        TINE_NAME(CLOCK_MONOTONIC_RAW),
                                        TINE_NAME(CLOCK_REALTIME_COARSE),
                                        TINE_NAME(CLOCK_MONOTONIC_COARSE),
                                        TINE_NAME(CLOCK_BOOTTIME),
                                        TINE_NAME(CLOCK_REALTIME_ALARM),
                                        TINE_NAME(CLOCK_BOOTTIME_ALARM),
                                        TINE_NAME(CLOCK_TAI)};
inline constexpr std::array domain_names{TINE_NAME(AF_UNSPEC),  TINE_NAME(AF_UNIX),
                                         TINE_NAME(AF_INET),    TINE_NAME(AF_INET6),
                                         TINE_NAME(AF_NETLINK), TINE_NAME(AF_PACKET)};
inline constexpr std::array level_names{TINE_NAME(SOL_SOCKET),
                                        NamedValue{IPPROTO_IP, "SOL_IP"},
                                        NamedValue{IPPROTO_TCP, "SOL_TCP"},
                                        NamedValue{IPPROTO_UDP, "SOL_UDP"},
                                        NamedValue{IPPROTO_IPV6, "SOL_IPV6"},
                                        NamedValue{270, "SOL_NETLINK"}};
inline constexpr std::array protocol_names{TINE_NAME(IPPROTO_IP),   TINE_NAME(IPPROTO_ICMP),
                                           TINE_NAME(IPPROTO_TCP),  TINE_NAME(IPPROTO_UDP),
                                           TINE_NAME(IPPROTO_IPV6), TINE_NAME(IPPROTO_ICMPV6),
                                           TINE_NAME(IPPROTO_RAW)};
inline constexpr std::array shutdown_names{TINE_NAME(SHUT_RD), TINE_NAME(SHUT_WR),
                                           TINE_NAME(SHUT_RDWR)};
inline constexpr std::array fcntl_names{TINE_NAME(F_DUPFD),
                                        TINE_NAME(F_GETFD),
                                        TINE_NAME(F_SETFD),
                                        TINE_NAME(F_GETFL),
                                        TINE_NAME(F_SETFL),
                                        TINE_NAME(F_GETLK),
                                        TINE_NAME(F_SETLK),
                                        TINE_NAME(F_SETLKW),
                                        TINE_NAME(F_SETOWN),
                                        TINE_NAME(F_GETOWN),
                                        NamedValue{10, "F_SETSIG"},
                                        NamedValue{11, "F_GETSIG"},
                                        NamedValue{15, "F_SETOWN_EX"},
                                        NamedValue{16, "F_GETOWN_EX"},
                                        NamedValue{36, "F_OFD_GETLK"},
                                        NamedValue{37, "F_OFD_SETLK"},
                                        NamedValue{38, "F_OFD_SETLKW"},
                                        NamedValue{1024, "F_SETLEASE"},
                                        NamedValue{1025, "F_GETLEASE"},
                                        NamedValue{1026, "F_NOTIFY"},
                                        TINE_NAME(F_DUPFD_CLOEXEC),
                                        NamedValue{1031, "F_SETPIPE_SZ"},
                                        NamedValue{1032, "F_GETPIPE_SZ"},
                                        NamedValue{1033, "F_ADD_SEALS"},
                                        NamedValue{1034, "F_GET_SEALS"}};
inline constexpr std::array ioctl_names{
    NamedValue{0x5401, "TCGETS"},       NamedValue{0x5402, "TCSETS"},
    NamedValue{0x5403, "TCSETSW"},      NamedValue{0x5404, "TCSETSF"},
    NamedValue{0x5409, "TCSBRK"},       NamedValue{0x540a, "TCXONC"},
    NamedValue{0x540b, "TCFLSH"},       NamedValue{0x540e, "TIOCSCTTY"},
    NamedValue{0x540f, "TIOCGPGRP"},    NamedValue{0x5410, "TIOCSPGRP"},
    NamedValue{0x5411, "TIOCOUTQ"},     NamedValue{0x5413, "TIOCGWINSZ"},
    NamedValue{0x5414, "TIOCSWINSZ"},   NamedValue{0x541b, "FIONREAD"},
    NamedValue{0x5421, "FIONBIO"},      NamedValue{0x5422, "TIOCNOTTY"},
    NamedValue{0x5429, "TIOCGSID"},     NamedValue{0x5450, "FIONCLEX"},
    NamedValue{0x5451, "FIOCLEX"},      NamedValue{0x5452, "FIOASYNC"},
    NamedValue{0x80045430, "TIOCGPTN"}, NamedValue{0x40045431, "TIOCSPTLCK"},
    NamedValue{0x5441, "TIOCGPTPEER"},  NamedValue{0x8912, "SIOCGIFCONF"},
    NamedValue{0x8913, "SIOCGIFFLAGS"}, NamedValue{0x8915, "SIOCGIFADDR"},
    NamedValue{0x8933, "SIOCGIFINDEX"}, NamedValue{0x80086601, "FS_IOC_GETFLAGS"},
    NamedValue{0x40049409, "FICLONE"}};
inline constexpr std::array prctl_names{TINE_NAME(PR_SET_PDEATHSIG),
                                        TINE_NAME(PR_GET_PDEATHSIG),
                                        TINE_NAME(PR_GET_DUMPABLE),
                                        TINE_NAME(PR_SET_DUMPABLE),
                                        TINE_NAME(PR_GET_KEEPCAPS),
                                        TINE_NAME(PR_SET_KEEPCAPS),
                                        TINE_NAME(PR_SET_NAME),
                                        TINE_NAME(PR_GET_NAME),
                                        TINE_NAME(PR_GET_SECCOMP),
                                        TINE_NAME(PR_SET_SECCOMP),
                                        TINE_NAME(PR_CAPBSET_READ),
                                        TINE_NAME(PR_CAPBSET_DROP),
                                        TINE_NAME(PR_SET_TIMERSLACK),
                                        TINE_NAME(PR_GET_TIMERSLACK),
                                        TINE_NAME(PR_SET_MM),
                                        TINE_NAME(PR_SET_CHILD_SUBREAPER),
                                        TINE_NAME(PR_GET_CHILD_SUBREAPER),
                                        TINE_NAME(PR_SET_NO_NEW_PRIVS),
                                        TINE_NAME(PR_GET_NO_NEW_PRIVS),
                                        TINE_NAME(PR_SET_THP_DISABLE),
                                        TINE_NAME(PR_GET_THP_DISABLE),
                                        TINE_NAME(PR_CAP_AMBIENT),
                                        NamedValue{0x53564d41, "PR_SET_VMA"}};
inline constexpr std::array seccomp_operation_names{
    TINE_NAME(SECCOMP_SET_MODE_STRICT), TINE_NAME(SECCOMP_SET_MODE_FILTER),
    TINE_NAME(SECCOMP_GET_ACTION_AVAIL), TINE_NAME(SECCOMP_GET_NOTIF_SIZES)};
inline constexpr std::array seccomp_flag_names{
    TINE_NAME(SECCOMP_FILTER_FLAG_TSYNC), TINE_NAME(SECCOMP_FILTER_FLAG_LOG),
    TINE_NAME(SECCOMP_FILTER_FLAG_SPEC_ALLOW), TINE_NAME(SECCOMP_FILTER_FLAG_NEW_LISTENER),
    TINE_NAME(SECCOMP_FILTER_FLAG_TSYNC_ESRCH)};
inline constexpr std::array arch_prctl_names{
    NamedValue{0x1001, "ARCH_SET_GS"},    NamedValue{0x1002, "ARCH_SET_FS"},
    NamedValue{0x1003, "ARCH_GET_FS"},    NamedValue{0x1004, "ARCH_GET_GS"},
    NamedValue{0x1011, "ARCH_GET_CPUID"}, NamedValue{0x1012, "ARCH_SET_CPUID"}};
inline constexpr std::array resource_names{
    TINE_NAME(RLIMIT_CPU),      TINE_NAME(RLIMIT_FSIZE),  TINE_NAME(RLIMIT_DATA),
    TINE_NAME(RLIMIT_STACK),    TINE_NAME(RLIMIT_CORE),   TINE_NAME(RLIMIT_RSS),
    TINE_NAME(RLIMIT_NPROC),    TINE_NAME(RLIMIT_NOFILE), TINE_NAME(RLIMIT_MEMLOCK),
    TINE_NAME(RLIMIT_AS),       TINE_NAME(RLIMIT_LOCKS),  TINE_NAME(RLIMIT_SIGPENDING),
    TINE_NAME(RLIMIT_MSGQUEUE), TINE_NAME(RLIMIT_NICE),   TINE_NAME(RLIMIT_RTPRIO),
    TINE_NAME(RLIMIT_RTTIME)};
inline constexpr std::array usage_names{TINE_NAME(RUSAGE_SELF),
                                        NamedValue{0xffffffff, "RUSAGE_CHILDREN"},
                                        NamedValue{1, "RUSAGE_THREAD"}};
inline constexpr std::array epoll_operation_names{
    TINE_NAME(EPOLL_CTL_ADD), TINE_NAME(EPOLL_CTL_DEL), TINE_NAME(EPOLL_CTL_MOD)};
inline constexpr std::array interval_timer_names{TINE_NAME(ITIMER_REAL), TINE_NAME(ITIMER_VIRTUAL),
                                                 TINE_NAME(ITIMER_PROF)};
inline constexpr std::array id_type_names{TINE_NAME(P_ALL), TINE_NAME(P_PID), TINE_NAME(P_PGID),
                                          TINE_NAME(P_PIDFD)};
inline constexpr std::array priority_names{TINE_NAME(PRIO_PROCESS), TINE_NAME(PRIO_PGRP),
                                           TINE_NAME(PRIO_USER)};
inline constexpr std::array policy_names{
    TINE_NAME(SCHED_OTHER),       TINE_NAME(SCHED_FIFO),       TINE_NAME(SCHED_RR),
    NamedValue{3, "SCHED_BATCH"}, NamedValue{5, "SCHED_IDLE"}, NamedValue{6, "SCHED_DEADLINE"}};
inline constexpr std::array whence_names{TINE_NAME(SEEK_SET), TINE_NAME(SEEK_CUR),
                                         TINE_NAME(SEEK_END), NamedValue{3, "SEEK_DATA"},
                                         NamedValue{4, "SEEK_HOLE"}};
inline constexpr std::array sigprocmask_names{TINE_NAME(SIG_BLOCK), TINE_NAME(SIG_UNBLOCK),
                                              TINE_NAME(SIG_SETMASK)};
inline constexpr std::array membarrier_names{
    TINE_NAME(MEMBARRIER_CMD_QUERY),
    TINE_NAME(MEMBARRIER_CMD_GLOBAL),
    TINE_NAME(MEMBARRIER_CMD_GLOBAL_EXPEDITED),
    TINE_NAME(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED),
    TINE_NAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
    TINE_NAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
    TINE_NAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE),
    TINE_NAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)};
inline constexpr std::array open_names{
    TINE_NAME(O_TMPFILE),  TINE_NAME(O_CREAT),    TINE_NAME(O_EXCL),
    TINE_NAME(O_NOCTTY),   TINE_NAME(O_TRUNC),    TINE_NAME(O_APPEND),
    TINE_NAME(O_NONBLOCK), TINE_NAME(O_SYNC),     TINE_NAME(O_DSYNC),
    TINE_NAME(O_ASYNC),    TINE_NAME(O_DIRECT),   NamedValue{0100000, "O_LARGEFILE"},
    TINE_NAME(O_NOFOLLOW), TINE_NAME(O_NOATIME),  TINE_NAME(O_CLOEXEC),
    TINE_NAME(O_PATH),     TINE_NAME(O_DIRECTORY)};
inline constexpr std::array clone_names{TINE_NAME(CLONE_VM),
                                        TINE_NAME(CLONE_FS),
                                        TINE_NAME(CLONE_FILES),
                                        TINE_NAME(CLONE_SIGHAND),
                                        TINE_NAME(CLONE_PIDFD),
                                        TINE_NAME(CLONE_PTRACE),
                                        TINE_NAME(CLONE_VFORK),
                                        TINE_NAME(CLONE_PARENT),
                                        TINE_NAME(CLONE_THREAD),
                                        TINE_NAME(CLONE_NEWNS),
                                        TINE_NAME(CLONE_SYSVSEM),
                                        TINE_NAME(CLONE_SETTLS),
                                        TINE_NAME(CLONE_PARENT_SETTID),
                                        TINE_NAME(CLONE_CHILD_CLEARTID),
                                        TINE_NAME(CLONE_UNTRACED),
                                        TINE_NAME(CLONE_CHILD_SETTID),
                                        TINE_NAME(CLONE_NEWCGROUP),
                                        TINE_NAME(CLONE_NEWUTS),
                                        TINE_NAME(CLONE_NEWIPC),
                                        TINE_NAME(CLONE_NEWUSER),
                                        TINE_NAME(CLONE_NEWPID),
                                        TINE_NAME(CLONE_NEWNET),
                                        TINE_NAME(CLONE_IO),
                                        NamedValue{0x100000000, "CLONE_CLEAR_SIGHAND"},
                                        NamedValue{0x200000000, "CLONE_INTO_CGROUP"}};
inline constexpr std::array futex_names{TINE_NAME(FUTEX_WAIT),
                                        TINE_NAME(FUTEX_WAKE),
                                        TINE_NAME(FUTEX_FD),
                                        TINE_NAME(FUTEX_REQUEUE),
                                        TINE_NAME(FUTEX_CMP_REQUEUE),
                                        TINE_NAME(FUTEX_WAKE_OP),
                                        TINE_NAME(FUTEX_LOCK_PI),
                                        TINE_NAME(FUTEX_UNLOCK_PI),
                                        TINE_NAME(FUTEX_TRYLOCK_PI),
                                        TINE_NAME(FUTEX_WAIT_BITSET),
                                        TINE_NAME(FUTEX_WAKE_BITSET),
                                        TINE_NAME(FUTEX_WAIT_REQUEUE_PI),
                                        TINE_NAME(FUTEX_CMP_REQUEUE_PI),
                                        NamedValue{13, "FUTEX_LOCK_PI2"}};
inline constexpr std::array socket_option_names{TINE_NAME(SO_DEBUG),
                                                TINE_NAME(SO_REUSEADDR),
                                                TINE_NAME(SO_TYPE),
                                                TINE_NAME(SO_ERROR),
                                                TINE_NAME(SO_DONTROUTE),
                                                TINE_NAME(SO_BROADCAST),
                                                TINE_NAME(SO_SNDBUF),
                                                TINE_NAME(SO_RCVBUF),
                                                TINE_NAME(SO_KEEPALIVE),
                                                TINE_NAME(SO_OOBINLINE),
                                                TINE_NAME(SO_PRIORITY),
                                                TINE_NAME(SO_LINGER),
                                                TINE_NAME(SO_REUSEPORT),
                                                TINE_NAME(SO_PASSCRED),
                                                TINE_NAME(SO_PEERCRED),
                                                TINE_NAME(SO_RCVLOWAT),
                                                TINE_NAME(SO_SNDLOWAT),
                                                NamedValue{20, "SO_RCVTIMEO_OLD"},
                                                NamedValue{21, "SO_SNDTIMEO_OLD"},
                                                TINE_NAME(SO_BINDTODEVICE),
                                                TINE_NAME(SO_ATTACH_FILTER),
                                                TINE_NAME(SO_PEERNAME),
                                                NamedValue{29, "SO_TIMESTAMP_OLD"},
                                                TINE_NAME(SO_ACCEPTCONN),
                                                TINE_NAME(SO_PEERSEC),
                                                TINE_NAME(SO_SNDBUFFORCE),
                                                TINE_NAME(SO_RCVBUFFORCE),
                                                TINE_NAME(SO_PASSSEC),
                                                TINE_NAME(SO_MARK),
                                                TINE_NAME(SO_PROTOCOL),
                                                TINE_NAME(SO_DOMAIN),
                                                TINE_NAME(SO_PEEK_OFF),
                                                TINE_NAME(SO_COOKIE),
                                                TINE_NAME(SO_PEERGROUPS)};
inline constexpr std::array tcp_option_names{
    TINE_NAME(TCP_NODELAY),      TINE_NAME(TCP_MAXSEG),       TINE_NAME(TCP_CORK),
    TINE_NAME(TCP_KEEPIDLE),     TINE_NAME(TCP_KEEPINTVL),    TINE_NAME(TCP_KEEPCNT),
    TINE_NAME(TCP_SYNCNT),       TINE_NAME(TCP_LINGER2),      TINE_NAME(TCP_DEFER_ACCEPT),
    TINE_NAME(TCP_WINDOW_CLAMP), TINE_NAME(TCP_INFO),         TINE_NAME(TCP_QUICKACK),
    TINE_NAME(TCP_CONGESTION),   TINE_NAME(TCP_USER_TIMEOUT), TINE_NAME(TCP_FASTOPEN)};
inline constexpr std::array ip_option_names{
    TINE_NAME(IP_TOS),           TINE_NAME(IP_TTL),
    TINE_NAME(IP_HDRINCL),       TINE_NAME(IP_OPTIONS),
    TINE_NAME(IP_RECVOPTS),      TINE_NAME(IP_PKTINFO),
    TINE_NAME(IP_MTU_DISCOVER),  TINE_NAME(IP_RECVERR),
    TINE_NAME(IP_RECVTTL),       TINE_NAME(IP_MTU),
    TINE_NAME(IP_FREEBIND),      TINE_NAME(IP_MULTICAST_IF),
    TINE_NAME(IP_MULTICAST_TTL), TINE_NAME(IP_MULTICAST_LOOP),
    TINE_NAME(IP_ADD_MEMBERSHIP)};
inline constexpr std::array ipv6_option_names{
    TINE_NAME(IPV6_V6ONLY),         TINE_NAME(IPV6_UNICAST_HOPS), TINE_NAME(IPV6_MULTICAST_HOPS),
    TINE_NAME(IPV6_MULTICAST_LOOP), TINE_NAME(IPV6_RECVPKTINFO),  TINE_NAME(IPV6_PKTINFO),
    TINE_NAME(IPV6_RECVERR),        TINE_NAME(IPV6_MTU)};
inline constexpr std::array file_type_names{
    TINE_NAME(S_IFREG), TINE_NAME(S_IFDIR), TINE_NAME(S_IFLNK), TINE_NAME(S_IFCHR),
    TINE_NAME(S_IFBLK), TINE_NAME(S_IFIFO), TINE_NAME(S_IFSOCK)};
inline constexpr std::array special_mode_names{TINE_NAME(S_ISUID), TINE_NAME(S_ISGID),
                                               TINE_NAME(S_ISVTX)};
inline constexpr std::array poll_names{
    TINE_NAME(POLLIN),     TINE_NAME(POLLPRI),           TINE_NAME(POLLOUT),
    TINE_NAME(POLLRDNORM), TINE_NAME(POLLRDBAND),        TINE_NAME(POLLWRNORM),
    TINE_NAME(POLLWRBAND), NamedValue{0x400, "POLLMSG"}, NamedValue{0x2000, "POLLRDHUP"},
    TINE_NAME(POLLERR),    TINE_NAME(POLLHUP),           TINE_NAME(POLLNVAL)};
inline constexpr std::array epoll_event_names{
    TINE_NAME(EPOLLIN),     TINE_NAME(EPOLLPRI),     TINE_NAME(EPOLLOUT),
    TINE_NAME(EPOLLRDNORM), TINE_NAME(EPOLLRDBAND),  TINE_NAME(EPOLLWRNORM),
    TINE_NAME(EPOLLWRBAND), TINE_NAME(EPOLLMSG),     TINE_NAME(EPOLLERR),
    TINE_NAME(EPOLLHUP),    TINE_NAME(EPOLLRDHUP),   TINE_NAME(EPOLLEXCLUSIVE),
    TINE_NAME(EPOLLWAKEUP), TINE_NAME(EPOLLONESHOT), TINE_NAME(EPOLLET)};
inline constexpr std::array action_flag_names{NamedValue{0x04000000, "SA_RESTORER"},
                                              TINE_NAME(SA_ONSTACK),
                                              TINE_NAME(SA_RESTART),
                                              TINE_NAME(SA_NODEFER),
                                              TINE_NAME(SA_RESETHAND),
                                              TINE_NAME(SA_SIGINFO),
                                              TINE_NAME(SA_NOCLDSTOP),
                                              TINE_NAME(SA_NOCLDWAIT)};
#undef TINE_NAME

} // namespace tine::syscall
