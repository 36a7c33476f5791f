#include "syscall/strace.hpp"

#include "process/thread.hpp"
#include "syscall/strace_arguments.hpp"
#include "syscall/strace_flags.hpp"

#include <cstring>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace tine::syscall {
namespace {

/// Width of shorter calls: with "[pid     2] " before them, their "=" is in strace's column 40.
constexpr std::size_t shortest_call = 27;

std::string with_result(const std::string &call, const std::string &result) {
  return fmt::format("{:<{}} = {}", call, shortest_call, result);
}

std::string print_interruption(Interrupt rule) {
  switch (rule) {
  case Interrupt::restart:
    return "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
  case Interrupt::no_handler:
    return "? ERESTARTNOHAND (To be restarted if no handler)";
  case Interrupt::restart_block:
    return "? ERESTART_RESTARTBLOCK (Interrupted by signal)";
  case Interrupt::no_restart:
  case Interrupt::uninterruptible:
    break;
  }
  return fmt::format("-1 EINTR ({})", ::strerror(EINTR));
}

} // namespace

void StraceWriter::started(process::Thread &thread, const std::string &path,
                           std::span<const std::string> arguments,
                           std::span<const std::string> environment) {
  std::string text = "execve(" + quote(path, false) + ", [";
  for (const std::string &argument : arguments)
    text += (&argument != &arguments.front() ? ", " : "") + print_string(argument);
  // The kernel laid out the stack: argc, argv and a null, then envp.
  const u64 envp = thread.cpu.gpr[cpu::rsp] + (arguments.size() + 2) * sizeof(u64);
  text += fmt::format("], {:#x} /* {} vars */)", envp, environment.size());
  write_line(thread, with_result(text, "0"));
}

void StraceWriter::entered(process::Thread &thread, const u64 (&arguments)[6]) {
  Pending &pending = pending_[thread.tid.value];
  pending = {};
  pending.number = thread.syscall_number;
  std::memcpy(pending.arguments, arguments, sizeof arguments);
  const Row *row = find_row(static_cast<u64>(pending.number));
  if (row != nullptr) {
    PrintedEntry entry = print_entry({*thread.memory, *row, pending.arguments, 0});
    pending.text = std::move(entry.text);
    pending.printed = entry.printed;
  } else {
    pending.text = print_name_of_call(static_cast<u64>(pending.number)) + "()";
  }
  if (pending.number == SYS_exit || pending.number == SYS_exit_group)
    finish(thread, 0, "?");
}

void StraceWriter::blocked(process::Thread &thread) {
  const auto found = pending_.find(thread.tid.value);
  if (found == pending_.end() || found->second.unfinished)
    return;
  Pending &pending = found->second;
  pending.unfinished = true;
  if (pending.text.back() == ')')
    pending.text.pop_back();
  write_line(thread, pending.text + " <unfinished ...>");
  pending.text = "<... " + print_name_of_call(static_cast<u64>(pending.number)) + " resumed>";
}

void StraceWriter::returned(process::Thread &thread, i64 value, bool has_value) {
  const auto found = pending_.find(thread.tid.value);
  if (found == pending_.end())
    return;
  const Pending &pending = found->second;
  const Row *row = find_row(static_cast<u64>(pending.number));
  if (!has_value) // the registers are another program's, or those of before a signal
    value = pending.number == SYS_rt_sigreturn ? static_cast<i64>(thread.cpu.gpr[cpu::rax]) : 0;
  // Of a call that Linux doesn't have nothing but the error is known.
  constexpr Row unknown{};
  const PrintedCall call{*thread.memory, row != nullptr ? *row : unknown, pending.arguments, value};
  finish(thread, value, print_value(call));
}

void StraceWriter::interrupted(process::Thread &thread, u8 rule) {
  finish(thread, -EINTR, print_interruption(static_cast<Interrupt>(rule)));
}

void StraceWriter::finish(process::Thread &thread, i64 value, const std::string &result) {
  const auto found = pending_.find(thread.tid.value);
  if (found == pending_.end())
    return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  std::string text = pending.text;
  if (text.back() != ')') {
    const Row *row = find_row(static_cast<u64>(pending.number));
    const std::string rest =
        row != nullptr
            ? print_rest({*thread.memory, *row, pending.arguments, value}, pending.printed)
            : "";
    text += rest.empty() ? ")" : rest;
  }
  write_line(thread, with_result(text, result));
}

void StraceWriter::signalled(process::Thread &thread, const siginfo_t &info) {
  write_line(thread, fmt::format("--- {} {} ---", print_signal(static_cast<u64>(info.si_signo)),
                                 print_siginfo(info)));
}

void StraceWriter::exited(process::Thread &thread, int status) {
  if (const auto found = pending_.find(thread.tid.value); found != pending_.end()) {
    const std::string text = found->second.text;
    pending_.erase(found);
    write_line(thread, with_result(text + " <unfinished ...>)", "?"));
  }
  if (WIFSIGNALED(status))
    write_line(thread, fmt::format("+++ killed by {} +++",
                                   print_signal(static_cast<u64>(WTERMSIG(status)))));
  else
    write_line(thread, fmt::format("+++ exited with {} +++", WEXITSTATUS(status)));
}

void StraceWriter::write_line(const process::Thread &thread, const std::string &line) {
  const std::string text = fmt::format("[pid {:>5}] {}\n", thread.tid.value, line);
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(output_.get(), text.data() + written, text.size() - written);
    if (count <= 0)
      return;
    written += static_cast<std::size_t>(count);
  }
}

} // namespace tine::syscall
