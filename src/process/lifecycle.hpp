// Birth and death of processes: fork, vfork, clone, clone3 meet in clone_process; exec; exit.
#pragma once

#include "base/result.hpp"
#include "process/kernel.hpp"
#include "process/process.hpp"

#include <string>
#include <vector>

namespace tine::process {

/// The arguments of clone3(2); the others are filled from their registers.
struct CloneArguments {
  u64 flags = 0; ///< without the exit signal
  int exit_signal = 0;
  GuestAddress stack; ///< the new stack pointer; null: the caller's
  GuestAddress parent_tid, child_tid, pidfd;
  u64 tls = 0;
  std::vector<Pid> set_tid;
};

/// EINVAL, EAGAIN, ENOMEM as in clone(2).
[[nodiscard]] Result<Ref<Thread>> clone_process(Thread &parent, const CloneArguments &arguments);

/// What a new thread does before its first step in guest code: the store of CLONE_CHILD_SETTID.
void store_child_tid(Thread &child);

struct ExecArguments {
  Ref<fs::File> file;
  std::string path; ///< as given: AT_EXECFN, and what `#!` interpreters get
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};
  /// `path` leads through a descriptor that exec closes: an interpreter couldn't open it (ENOENT).
  bool path_closes = false;
  bool is_check = false; ///< AT_EXECVE_CHECK: nothing is executed
};

/// Replaces the thread's program; on success the registers are the new program's first. ENOENT,
/// EACCES, ENOEXEC, E2BIG, ETXTBSY, ELOOP, ENOMEM, ELIBBAD: the old program is still whole.
/// ERESTART: other threads of the process must first leave their vCPUs; try again when
/// process.thread_exited was woken.
[[nodiscard]] Status execute(Thread &thread, ExecArguments arguments);

/// The parent's wait is over: the child of a vfork has execed or ends.
void release_vfork_parent(Thread &thread);

/// ru_maxrss: what is resident now may be the most there ever was.
void note_resident(Process &process, const memory::AddressSpace &space);
/// Gives up the thread's address space; the last one to leave takes it off the machine.
void leave_address_space(Thread &thread);

/// Gives up the thread's semaphore adjustments; the last one that shared them undoes them.
void leave_semaphores(Thread &thread);

/// The thread ends; the last one makes the process a zombie with `status` (as wait4 reports it).
void exit_thread(Thread &thread, int status);
/// All threads of the process end: each at its next step in the kernel, the caller's too.
void exit_process(Process &process, int status);
/// The same, and the calling thread, which is on its vCPU, ends at once.
void exit_current_process(Thread &thread, int status);
/// All other threads of the process end (execve). False if some are on vCPUs: they end at their
/// next step in the kernel and then wake process.thread_exited.
[[nodiscard]] bool exit_other_threads(Thread &thread);
/// SIGCHLD for a zombie, or, if its parent doesn't want to know of it, its end.
void notify_parent_of_exit(Process &zombie);
/// The session leader ends: its terminal is lost to the session, SIGHUP to the foreground group.
void hang_up_session(Process &leader);
/// The parent has seen the zombie: nothing of it is left.
void reap(Process &zombie);
/// The same after a wait: its resource usage is its parent's children's.
void reap_waited(Process &zombie);
/// `child` has stopped, continued or ended: SIGCHLD to the parent, and its wait4 looks.
void notify_parent(Process &child, int code, int status);

enum class WaitKind : u8 { any, pid, group };
/// What wait4 and waitid ask for.
struct WaitRequest {
  WaitKind kind = WaitKind::any;
  Pid id;
  Pid waiter; ///< the calling thread: __WNOTHREAD means its tracees alone
  int options =
      0; ///< WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT, __WALL, __WCLONE, __WNOTHREAD
};
/// A child that changed, its pid as the waiter sees it; none if there are children but no changes.
struct WaitedChild {
  Pid pid;
  u32 uid = 0;
  int code = 0;          ///< CLD_*
  int wait_status = 0;   ///< as wait4 reports it
  int signal_status = 0; ///< si_status
  ResourceUsage usage;
};
/// ECHILD.
[[nodiscard]] Result<WaitedChild> wait_for_child(Process &parent, const WaitRequest &request);

/// si_code and si_status of the SIGCHLD of a process that ended with such a status.
[[nodiscard]] int exit_code_of(int wait_status);
[[nodiscard]] int exit_value_of(int wait_status);

/// The status of a process that ended, as wait4 encodes it.
[[nodiscard]] constexpr int exited_status(int code) {
  return (code & 0xff) << 8;
}
[[nodiscard]] constexpr int killed_status(int signal, bool core) {
  return signal | (core ? 0x80 : 0);
}

/// A process that nobody in the box forked: its parent is the reaper, and it leads its process
/// group.
enum class Entry : u8 {
  main,   ///< the box's main process, in the reaper's session
  further ///< one more in a box that runs, in a session of its own
};
/// Standard streams are already in `files`.
struct InitArguments {
  ExecArguments exec;
  Ref<fs::FdTable> files;
  Ref<fs::FileSystemContext> fs;
  fs::Credentials credentials;
  SignalSet ignored_signals, blocked_signals; ///< as inherited from whoever started the box
};
[[nodiscard]] Result<Ref<Process>> create_init(Kernel &kernel, InitArguments arguments,
                                               Entry entry = Entry::main);

} // namespace tine::process
