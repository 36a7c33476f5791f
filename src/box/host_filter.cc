#include "box/host_filter.hpp"

#include "base/types.hpp"
#include "syscall/table.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <span>
#include <stdexcept>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace tine::box {
namespace {

constexpr u32 x32_bit = 0x40000000;

/// Allowed whatever their arguments are. Linux remembers these per filter as a bit map, and does
/// not run the filter for them.
constexpr int always_allowed[] = {
    // vCPUs and the event thread: sleeping, waking, clocks, signals of their own
    SYS_futex, SYS_epoll_pwait2, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_poll,
    SYS_ppoll, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_clock_nanosleep,
    SYS_nanosleep, SYS_sched_yield, SYS_sched_getaffinity, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_exit, SYS_exit_group,
    // what the C library does in a new thread
    SYS_arch_prctl, SYS_set_robust_list, SYS_rseq, SYS_membarrier, SYS_gettid, SYS_getpid,
    // memory (mmap and mprotect: below)
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
    // files of the host, below --root and --bind, and the standard streams
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
    SYS_openat, SYS_close, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fstatfs, SYS_lseek,
    SYS_getdents64, SYS_readlinkat, SYS_readlink, SYS_faccessat, SYS_faccessat2, SYS_fadvise64,
    SYS_fsync, SYS_fdatasync, SYS_ftruncate,
    // a standard stream that is a socket
    SYS_sendto,
    // what the host tells about itself and about tine
    SYS_getrandom, SYS_getrusage, SYS_uname, SYS_sysinfo, SYS_adjtimex, SYS_times, SYS_getuid,
    SYS_geteuid, SYS_getgid, SYS_getegid};

constexpr int of_kept_code[] = {SYS_renameat, SYS_unlinkat, SYS_utimensat};

constexpr int of_changing_files[] = {SYS_mkdirat,   SYS_mknodat,  SYS_unlinkat,  SYS_linkat,
                                     SYS_symlinkat, SYS_renameat, SYS_renameat2, SYS_fchmod,
                                     SYS_fchmodat,  SYS_fchown,   SYS_fchownat,  SYS_utimensat,
                                     SYS_fallocate};

constexpr int of_host_network[] = {SYS_socket,     SYS_connect,     SYS_bind,        SYS_listen,
                                   SYS_accept4,    SYS_getsockname, SYS_getpeername, SYS_getsockopt,
                                   SYS_setsockopt, SYS_sendmsg,     SYS_recvfrom,    SYS_recvmsg,
                                   SYS_shutdown};

/// Of the thread that has the socket: no vCPU.
constexpr int of_answering[] = {SYS_accept4,    SYS_recvmsg, SYS_sendmsg,
                                SYS_getsockopt, SYS_flock,   SYS_unlinkat};

/// These would act on other processes (signals as a descriptor's owner), or type into the caller's
/// terminal.
constexpr u32 refused_controls[] = {TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP};
constexpr u32 refused_descriptor_commands[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG};

/// Puts a filter together: every rule ends in a verdict or goes on with the next, with the number
/// of the call in the accumulator.
class FilterProgram {
public:
  FilterProgram() {
    load(offsetof(seccomp_data, arch));
    jump_if(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
    verdict(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    jump_if(BPF_JGE, x32_bit, 0, 1);
    verdict(SECCOMP_RET_KILL_PROCESS);
  }

  void allow(std::span<const int> numbers) {
    for (const int number : numbers)
      answer(number, SECCOMP_RET_ALLOW);
  }
  void answer(int number, u32 action) {
    jump_if(BPF_JEQ, static_cast<u32>(number), 0, 1);
    verdict(action);
  }
  /// Allowed if the low half of the argument has one of `bits`, or (`!wanted`) none of them.
  void allow_if_bits(int number, u32 argument, u32 bits, bool wanted) {
    jump_if(BPF_JEQ, static_cast<u32>(number), 0, 4);
    load_argument(argument);
    jump_if(BPF_JSET, bits, wanted ? 0 : 1, wanted ? 1 : 0);
    verdict(SECCOMP_RET_ALLOW);
    verdict(SECCOMP_RET_TRAP);
  }
  void allow_if_equal(int number, u32 argument, u32 value) {
    jump_if(BPF_JEQ, static_cast<u32>(number), 0, 4);
    load_argument(argument);
    jump_if(BPF_JEQ, value, 0, 1);
    verdict(SECCOMP_RET_ALLOW);
    verdict(SECCOMP_RET_TRAP);
  }
  void allow_unless_equal(int number, u32 argument, std::span<const u32> values) {
    jump_if(BPF_JEQ, static_cast<u32>(number), 0, static_cast<u8>(2 * values.size() + 2));
    load_argument(argument);
    for (const u32 value : values) {
      jump_if(BPF_JEQ, value, 0, 1);
      verdict(SECCOMP_RET_TRAP);
    }
    verdict(SECCOMP_RET_ALLOW);
  }
  std::vector<sock_filter> finish() {
    verdict(SECCOMP_RET_TRAP);
    return std::move(instructions_);
  }

private:
  void load(std::size_t offset) {
    instructions_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<u32>(offset)));
  }
  void load_argument(u32 argument) {
    load(offsetof(seccomp_data, args) + argument * sizeof(seccomp_data::args[0]));
  }
  void jump_if(u16 test, u32 value, u8 if_true, u8 if_false) {
    const auto code = static_cast<u16>(BPF_JMP | test | BPF_K);
    instructions_.push_back(BPF_JUMP(code, value, if_true, if_false));
  }
  void verdict(u32 action) { instructions_.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }

  std::vector<sock_filter> instructions_;
};

std::vector<sock_filter> make_program(const HostFilterOptions &options) {
  FilterProgram program;
  program.allow(always_allowed);
  if (options.keeps_code)
    program.allow(of_kept_code);
  if (options.host_files_change)
    program.allow(of_changing_files);
  if (options.host_network)
    program.allow(of_host_network);
  if (options.answers_commands)
    program.allow(of_answering);
  // All executable memory is there when the filter comes.
  program.allow_if_bits(SYS_mmap, 2, PROT_EXEC, false);
  program.allow_if_bits(SYS_mprotect, 2, PROT_EXEC, false);
  // Threads, but no processes. The flags of clone3 are in memory, where no filter sees them: the C
  // library takes clone when there is no clone3.
  program.allow_if_bits(SYS_clone, 0, CLONE_THREAD, true);
  program.answer(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  const auto self = static_cast<u32>(::getpid());
  program.allow_if_equal(SYS_kill, 0, self);
  program.allow_if_equal(SYS_tgkill, 0, self);
  program.allow_if_equal(SYS_prlimit64, 0, 0);
  program.allow_unless_equal(SYS_ioctl, 1, refused_controls);
  program.allow_unless_equal(SYS_fcntl, 1, refused_descriptor_commands);
  return program.finish();
}

/// Async-signal-safe; does not return.
void report_refused_call(int, siginfo_t *info, void *) {
  const auto number = static_cast<u64>(info->si_syscall);
  const syscall::Row *row = syscall::find_row(number);
  const std::string_view name = row != nullptr ? row->name : "unknown";
  char digits[20];
  std::size_t first = sizeof digits;
  u64 rest = number;
  do {
    digits[--first] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  const std::string_view texts[] = {"tine: the seccomp filter refused host system call ",
                                    {digits + first, sizeof digits - first},
                                    " (",
                                    name,
                                    "); see --no-seccomp\n"};
  for (const std::string_view text : texts)
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(128 + SIGSYS);
}

} // namespace

void install_host_filter(const HostFilterOptions &options) {
  struct sigaction action {};
  action.sa_sigaction = report_refused_call;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  ::sigaction(SIGSYS, &action, nullptr);
  std::vector<sock_filter> program = make_program(options);
  const sock_fprog description{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &description) != 0)
    throw std::runtime_error(fmt::format("the host refuses the seccomp filter ({}); --no-seccomp "
                                         "runs the box without it",
                                         ::strerror(errno)));
}

} // namespace tine::box
