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

struct ExecArguments {
  Ref<fs::File> file;
  std::string path; ///< as given: AT_EXECFN, and what `#!` interpreters get
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

/// Replaces the thread's program; on success the registers are the new program's first. ENOENT, EACCES,
/// ENOEXEC, E2BIG, ETXTBSY, ELOOP, ENOMEM, ELIBBAD: the old program is still whole.
[[nodiscard]] Status execute(Thread &thread, ExecArguments arguments);

/// The thread ends; the last one makes the process a zombie with `status` (as wait4 reports it).
void exit_thread(Thread &thread, int status);
/// All threads of the process end.
void exit_process(Process &process, int status);

/// The first process of a box: pid 1, its session, with standard streams already in `files`.
struct InitArguments {
  ExecArguments exec;
  Ref<fs::FdTable> files;
  Ref<fs::FileSystemContext> fs;
  fs::Credentials credentials;
};
[[nodiscard]] Result<Ref<Process>> create_init(Kernel &kernel, InitArguments arguments);

} // namespace tine::process
