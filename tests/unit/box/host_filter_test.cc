// The seccomp filter of the host process, each case in a child of its own: it can't be taken back.
#include "box/host_filter.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tine::box {
namespace {

constexpr int refused = 128 + SIGSYS;

/// Ends the child: 0 if `call` under the filter succeeds, its errno if it fails.
template <typename Call>
[[noreturn]] void under_filter(const HostFilterOptions &options, Call call) {
  install_host_filter(options);
  std::_Exit(call() >= 0 ? 0 : errno);
}

#define EXPECT_REFUSED(options, name, call)                                                        \
  EXPECT_EXIT(under_filter(options, [] { return call; }), testing::ExitedWithCode(refused),        \
              "refused host system call [0-9]+ \\(" name "\\)")
#define EXPECT_ALLOWED(options, call)                                                              \
  EXPECT_EXIT(under_filter(options, [] { return call; }), testing::ExitedWithCode(0), "^$")

constexpr HostFilterOptions nothing;
constexpr HostFilterOptions files{.host_files_change = true};
constexpr HostFilterOptions network{.host_network = true};

void *map(int protection) {
  return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/// No std::thread: to check its virtual state, UBSan's runtime makes a pipe, which the filter
/// refuses.
int run_thread() {
  pthread_t thread{};
  const int error = ::pthread_create(
      &thread, nullptr, [](void *argument) { return argument; }, nullptr);
  errno = error != 0 ? error : ::pthread_join(thread, nullptr);
  return errno == 0 ? 0 : -1;
}

TEST(HostFilter, RefusesNewPrograms) {
  EXPECT_REFUSED(nothing, "execve", ::syscall(SYS_execve, "/bin/true", 0, 0));
  EXPECT_REFUSED(network, "execveat", ::syscall(SYS_execveat, AT_FDCWD, "/bin/true", 0, 0, 0));
}

TEST(HostFilter, AllowsThreadsButNoProcesses) {
  EXPECT_ALLOWED(nothing, run_thread());
  EXPECT_REFUSED(nothing, "clone", ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  EXPECT_REFUSED(nothing, "fork", ::syscall(SYS_fork));
  EXPECT_REFUSED(nothing, "vfork", ::syscall(SYS_vfork));
}

TEST(HostFilter, HasNoClone3SoThatTheLibraryTakesClone) {
  EXPECT_EXIT(under_filter(nothing, [] { return ::syscall(SYS_clone3, nullptr, 0); }),
              testing::ExitedWithCode(ENOSYS), "^$");
}

TEST(HostFilter, RefusesExecutableMemory) {
  EXPECT_ALLOWED(nothing, map(PROT_READ | PROT_WRITE) == MAP_FAILED ? -1 : 0);
  EXPECT_REFUSED(nothing, "mmap", map(PROT_READ | PROT_EXEC) == MAP_FAILED ? -1 : 0);
  EXPECT_REFUSED(nothing, "mprotect", ::mprotect(map(PROT_READ), 4096, PROT_READ | PROT_EXEC));
}

TEST(HostFilter, RefusesWhatReachesOtherProcesses) {
  EXPECT_ALLOWED(nothing, ::kill(::getpid(), 0));
  EXPECT_REFUSED(nothing, "kill", ::kill(1, 0));
  EXPECT_REFUSED(nothing, "kill", ::kill(-1, 0));
  EXPECT_REFUSED(nothing, "tgkill", ::syscall(SYS_tgkill, 1, 1, 0));
  EXPECT_REFUSED(nothing, "ptrace", ::syscall(SYS_ptrace, 0, 0, 0, 0));
  EXPECT_REFUSED(nothing, "process_vm_readv", ::syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0));
  EXPECT_REFUSED(nothing, "fcntl", ::fcntl(0, F_SETOWN, 1));
}

TEST(HostFilter, RefusesTypingIntoTheTerminal) {
  EXPECT_REFUSED(nothing, "ioctl", ::ioctl(0, TIOCSTI, nullptr));
}

TEST(HostFilter, AllowsSocketsWithTheHostNetworkAlone) {
  EXPECT_REFUSED(nothing, "socket", ::socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_ALLOWED(network, ::socket(AF_UNIX, SOCK_STREAM, 0));
}

TEST(HostFilter, AllowsChangesOfFilesWithAWritableBindAlone) {
  EXPECT_REFUSED(nothing, "mkdirat", ::mkdirat(AT_FDCWD, "/no-such-directory/x", 0700));
  EXPECT_REFUSED(network, "fchmodat", ::fchmodat(AT_FDCWD, "/no-such-file", 0, 0));
  EXPECT_EXIT(under_filter(files, [] { return ::mkdirat(AT_FDCWD, "/no-such-directory/x", 0700); }),
              testing::ExitedWithCode(ENOENT), "^$");
}

TEST(HostFilter, RefusesTheHostsKernelsRareParts) {
  EXPECT_REFUSED(files, "bpf", ::syscall(SYS_bpf, 0, 0, 0));
  EXPECT_REFUSED(files, "io_uring_setup", ::syscall(SYS_io_uring_setup, 1, 0));
  EXPECT_REFUSED(files, "mount", ::syscall(SYS_mount, 0, 0, 0, 0, 0));
  EXPECT_REFUSED(files, "unshare", ::syscall(SYS_unshare, 0));
  EXPECT_REFUSED(files, "seccomp", ::syscall(SYS_seccomp, 0, 0, 0));
}

} // namespace
} // namespace tine::box
