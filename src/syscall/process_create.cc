// fork, vfork, clone, clone3, execve, execveat, exit, exit_group.
#include "process/lifecycle.hpp"
#include "process/ptrace.hpp"
#include "process/signals.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <linux/sched.h>

namespace tine::syscall {

using process::CloneArguments;

namespace {

/// vfork(2): "the calling thread is suspended until the child terminates … or makes a call to
/// execve". The child, or what kills it, sets state.woken; scratch[0] keeps its pid.
SyscallResult wait_for_vfork_child(Call &call) {
  if (call.state().woken) {
    if (call.thread.trace)
      process::trace_vfork_done(call.thread, Pid{static_cast<i32>(call.state().scratch[0])});
    return Pid{static_cast<i32>(call.state().scratch[0])};
  }
  return blocked(Interrupt::uninterruptible);
}

SyscallResult clone_with(Call &call, const CloneArguments &arguments) {
  const bool is_vfork = (arguments.flags & CLONE_VFORK) != 0;
  if (is_vfork && call.state().retrying)
    return wait_for_vfork_child(call);
  const Ref<process::Thread> child = TINE_TRY(process::clone_process(call.thread, arguments));
  if (!is_vfork)
    return child->tid;
  call.state().scratch[0] = static_cast<u64>(child->tid.value);
  return wait_for_vfork_child(call);
}

/// A NULL-terminated array of strings. E2BIG beyond what any limit allows.
Result<std::vector<std::string>> read_string_array(Call &call, GuestAddress array) {
  constexpr u64 longest_string = 128 * 1024;
  constexpr u64 longest_total = 6 << 20;
  std::vector<std::string> strings;
  if (array.is_null())
    return strings;
  u64 total = 0;
  for (GuestAddress entry = array;; entry = entry + sizeof(u64)) {
    const u64 address = TINE_TRY(call.memory.read_object<u64>(entry));
    if (address == 0)
      return strings;
    auto text = call.memory.read_string(GuestAddress{address}, longest_string);
    if (!text.ok())
      return text.error() == Errno{ENAMETOOLONG} ? Errno{E2BIG} : text.error();
    total += text->size() + 1 + sizeof(u64);
    if (total > longest_total)
      return Errno{E2BIG};
    strings.push_back(*std::move(text));
  }
}

SyscallResult execute_file(Call &call, process::ExecArguments arguments, GuestAddress argv,
                           GuestAddress envp) {
  arguments.arguments = TINE_TRY(read_string_array(call, argv));
  arguments.environment = TINE_TRY(read_string_array(call, envp));
  const bool is_check = arguments.is_check;
  const Status status = process::execute(call.thread, std::move(arguments));
  if (is_check)
    return status;
  if (!status.ok() && status.error() == Errno{ERESTART}) {
    call.thread.wait_on(call.process.thread_exited);
    return blocked(Interrupt::uninterruptible);
  }
  if (!status.ok())
    return status.error();
  return SyscallResult::special(SyscallResult::Kind::no_value);
}

Result<Ref<fs::File>> open_program(Call &call, int directory, const std::string &path, u64 flags) {
  const fs::FileSystemContext &context = *call.thread.fs;
  u32 open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK; // a FIFO is no program: EACCES, at once
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0)
    open_flags |= O_NOFOLLOW;
  if (path.empty() && (flags & AT_EMPTY_PATH) != 0) {
    if (directory == AT_FDCWD)
      return Errno{EACCES}; // a directory
    // A description of the program's own, also because that of an O_PATH descriptor can't be read.
    const Ref<fs::File> file = TINE_TRY(call.thread.files->get(directory));
    if (!file->inode())
      return Errno{EACCES};
    return fs::open(call.thread.credentials, fs::path_of(*file), open_flags);
  }
  if (path.empty())
    return Errno{ENOENT};
  if (path.front() == '/' || directory == AT_FDCWD)
    return fs::open(context, call.thread.credentials, context.working_directory, path, open_flags,
                    0);
  const Ref<fs::File> start = TINE_TRY(call.thread.files->get(directory));
  return fs::open(context, call.thread.credentials, fs::path_of(*start), path, open_flags, 0);
}

} // namespace

SyscallResult sys_fork(Call &call) {
  CloneArguments arguments;
  arguments.exit_signal = SIGCHLD;
  return clone_with(call, arguments);
}

SyscallResult sys_vfork(Call &call) {
  CloneArguments arguments;
  arguments.flags = CLONE_VM | CLONE_VFORK;
  arguments.exit_signal = SIGCHLD;
  return clone_with(call, arguments);
}

SyscallResult sys_clone(Call &call, u64 flags, GuestAddress stack, GuestAddress parent_tid,
                        GuestAddress child_tid, u64 tls) {
  CloneArguments arguments;
  // The low byte is the exit signal, the upper half is ignored; CLONE_DETACHED has no effect here.
  arguments.flags = flags & 0xffffffff & ~u64{CSIGNAL};
  arguments.exit_signal = static_cast<int>(flags & CSIGNAL);
  arguments.stack = stack;
  arguments.parent_tid = arguments.pidfd = parent_tid;
  arguments.child_tid = child_tid;
  arguments.tls = tls;
  // clone(2): "EINVAL: CLONE_PIDFD and CLONE_PARENT_SETTID", since both use parent_tid.
  if ((flags & CLONE_PIDFD) != 0 && (flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)) != 0)
    return Errno{EINVAL};
  arguments.flags &= ~u64{CLONE_DETACHED};
  return clone_with(call, arguments);
}

SyscallResult sys_clone3(Call &call, GuestAddress address, u64 size) {
  if (call.state().retrying)
    return wait_for_vfork_child(call);
  if (size > page_size)
    return Errno{E2BIG};
  if (size < CLONE_ARGS_SIZE_VER0)
    return Errno{EINVAL};
  clone_args given{};
  const u64 known = std::min<u64>(size, sizeof given);
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(&given, 1)).first(known)));
  std::vector<std::byte> tail(size - known);
  TINE_TRY(call.memory.read(address + known, tail));
  if (std::any_of(tail.begin(), tail.end(), [](std::byte byte) { return byte != std::byte{}; }))
    return Errno{E2BIG};

  const bool has_stack = given.stack != 0;
  if (has_stack != (given.stack_size != 0) || (given.exit_signal & ~u64{CSIGNAL}) != 0 ||
      (given.flags & (CLONE_DETACHED | (CSIGNAL & ~u64{CLONE_NEWTIME}))) != 0 ||
      given.flags >> 34 != 0 || given.set_tid_size > 32 ||
      (given.set_tid == 0) != (given.set_tid_size == 0))
    return Errno{EINVAL};
  if ((given.flags & (CLONE_THREAD | CLONE_PARENT)) != 0 && given.exit_signal != 0)
    return Errno{EINVAL};
  // Cgroups are not there.
  if ((given.flags & CLONE_INTO_CGROUP) != 0)
    return given.cgroup > INT_MAX ? Errno{EINVAL} : Errno{EBADF};

  CloneArguments arguments;
  arguments.flags = given.flags;
  arguments.exit_signal = static_cast<int>(given.exit_signal);
  if (has_stack)
    arguments.stack = GuestAddress{given.stack + given.stack_size};
  arguments.parent_tid = GuestAddress{given.parent_tid};
  arguments.child_tid = GuestAddress{given.child_tid};
  arguments.pidfd = GuestAddress{given.pidfd};
  arguments.tls = given.tls;
  for (u64 i = 0; i < given.set_tid_size; ++i)
    arguments.set_tid.push_back(
        Pid{TINE_TRY(call.memory.read_object<i32>(GuestAddress{given.set_tid + i * sizeof(i32)}))});
  return clone_with(call, arguments);
}

SyscallResult sys_execve(Call &call, GuestAddress path, GuestAddress argv, GuestAddress envp) {
  std::string name = TINE_TRY(call.memory.read_string(path, PATH_MAX));
  Ref<fs::File> file = TINE_TRY(open_program(call, AT_FDCWD, name, 0));
  process::ExecArguments arguments;
  arguments.file = std::move(file);
  arguments.path = std::move(name);
  return execute_file(call, std::move(arguments), argv, envp);
}

SyscallResult sys_execveat(Call &call, int directory, GuestAddress path, GuestAddress argv,
                           GuestAddress envp, u64 flags) {
  constexpr u64 at_execve_check = 0x10000; // Linux 6.14
  if ((flags & ~(u64{AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW} | at_execve_check)) != 0)
    return Errno{EINVAL};
  std::string name = TINE_TRY(call.memory.read_string(path, PATH_MAX));
  Ref<fs::File> file = TINE_TRY(open_program(call, directory, name, flags));
  // execveat(2): the program is called as /dev/fd/N or /dev/fd/N/path.
  const bool by_descriptor = name.empty() || (name.front() != '/' && directory != AT_FDCWD);
  if (by_descriptor)
    name = "/dev/fd/" + std::to_string(directory) + (name.empty() ? "" : "/") + name;
  const bool closes =
      by_descriptor && TINE_TRY(call.thread.files->descriptor(directory)).close_on_exec;
  process::ExecArguments arguments;
  arguments.file = std::move(file);
  arguments.path = std::move(name);
  arguments.path_closes = closes;
  arguments.is_check = (flags & at_execve_check) != 0;
  return execute_file(call, std::move(arguments), argv, envp);
}

SyscallResult sys_exit(Call &call, int status) {
  process::exit_thread(call.thread, process::exited_status(status));
  return SyscallResult::special(SyscallResult::Kind::thread_exited);
}

SyscallResult sys_exit_group(Call &call, int status) {
  process::exit_current_process(call.thread, process::exited_status(status));
  return SyscallResult::special(SyscallResult::Kind::thread_exited);
}

} // namespace tine::syscall
