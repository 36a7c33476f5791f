#include "syscall/strace.hpp"

#include "process/thread.hpp"
#include "syscall/strace_arguments.hpp"
#include "syscall/table.hpp"

#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/syscall.h>

namespace tine::syscall {
namespace {

std::string name_of(u64 number) {
  const Row *row = find_row(number);
  return row != nullptr ? std::string(row->name) : fmt::format("syscall_{:#x}", number);
}

/// Arguments up to the first that only the return fills.
std::string print_inputs(memory::AddressSpace &space, const Row &row, const u64 (&arguments)[6],
                         u8 &printed) {
  std::string text;
  for (printed = 0; printed < row.argument_count; ++printed) {
    if (is_output(row.arguments[printed]))
      break;
    if (printed != 0)
      text += ", ";
    text += print_argument(space, row, printed, arguments, 0);
  }
  return text;
}

std::string print_value(const Row *row, i64 value) {
  if (value < 0 && value >= -4095) {
    const int error = static_cast<int>(-value);
    return fmt::format("-1 {} ({})", ::strerrorname_np(error), ::strerror(error));
  }
  if (row != nullptr && (row->number == SYS_mmap || row->number == SYS_brk ||
                         row->number == SYS_mremap || row->number == SYS_shmat))
    return fmt::format("{:#x}", static_cast<u64>(value));
  return fmt::format("{}", value);
}

} // namespace

void StraceWriter::entered(process::Thread &thread, const u64 (&arguments)[6]) {
  Pending &pending = pending_[thread.tid.value];
  pending.number = thread.syscall_number;
  std::memcpy(pending.arguments, arguments, sizeof arguments);
  const Row *row = find_row(static_cast<u64>(thread.syscall_number));
  u8 printed = 0;
  pending.text = name_of(static_cast<u64>(thread.syscall_number)) + "(";
  if (row != nullptr)
    pending.text += print_inputs(*thread.memory, *row, arguments, printed);
  // These may never return here.
  if (pending.number == SYS_exit || pending.number == SYS_exit_group) {
    write_line(thread, pending.text + ") = ?");
    pending_.erase(thread.tid.value);
  } else if (pending.number == SYS_execve || pending.number == SYS_execveat) {
    pending.text += ")";
  }
}

void StraceWriter::returned(process::Thread &thread, i64 value, bool has_value) {
  const auto entry = pending_.find(thread.tid.value);
  if (entry == pending_.end())
    return;
  Pending pending = std::move(entry->second);
  pending_.erase(entry);
  const Row *row = find_row(static_cast<u64>(pending.number));
  if (pending.text.back() != ')') {
    u8 printed = 0;
    if (row != nullptr) {
      print_inputs(*thread.memory, *row, pending.arguments, printed);
      for (; printed < row->argument_count; ++printed) {
        if (printed != 0)
          pending.text += ", ";
        pending.text += print_argument(*thread.memory, *row, printed, pending.arguments, value);
      }
    }
    pending.text += ")";
  }
  if (!has_value && pending.number == SYS_rt_sigreturn)
    pending.text += " = ?";
  else
    pending.text += " = " + print_value(row, has_value ? value : 0);
  write_line(thread, pending.text);
}

void StraceWriter::signalled(process::Thread &thread, int signal) {
  const char *name = ::sigabbrev_np(signal);
  write_line(thread, name != nullptr ? fmt::format("--- SIG{} ---", name)
                                     : fmt::format("--- SIGRT_{} ---", signal - 32));
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
