// /proc/PID/stat, statm and status: proc(5).
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"
#include "process/ptrace.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace tine::process {
namespace {

u64 ticks(Nanoseconds time) {
  return static_cast<u64>(std::max<Nanoseconds>(time, 0) / nanoseconds_per_tick);
}

u64 minor_faults_of(const Process &process) {
  u64 faults = process.usage.minor_faults;
  if (const Thread *leader = process.leader(); leader && leader->memory) {
    const memory::FaultCounters &counters = leader->memory->counters();
    faults += counters.zero_filled + counters.file_pages + counters.copied + counters.reused;
  }
  return faults;
}

struct SignalMasks {
  u64 pending = 0, shared_pending = 0, blocked = 0, ignored = 0, caught = 0;
};

SignalMasks signal_masks(const Process &process, const Thread *thread) {
  SignalMasks masks;
  masks.shared_pending = process.pending.set().bits;
  if (!thread)
    return masks;
  masks.pending = thread->pending.set().bits;
  masks.blocked = thread->signal_mask.bits;
  for (int signal = 1; thread->handlers && signal <= 64; ++signal) {
    const u64 handler = (*thread->handlers)[signal].handler;
    const u64 bit = u64{1} << (signal - 1);
    if (handler == reinterpret_cast<u64>(SIG_IGN))
      masks.ignored |= bit;
    else if (handler != reinterpret_cast<u64>(SIG_DFL))
      masks.caught |= bit;
  }
  return masks;
}

/// tty_nr and tpgid: the session's terminal and its foreground group.
struct TerminalNumbers {
  u32 device = 0;
  i32 foreground = -1;
};

TerminalNumbers terminal_of(const Process &process) {
  TerminalNumbers numbers;
  if (!process.terminal)
    return numbers;
  if (const Result<struct stat> status = process.terminal->stat()) {
    const u64 device = status->st_rdev;
    const u64 major = device >> 8 & 0xfff, minor = (device & 0xff) | (device >> 12 & 0xfff00);
    // new_encode_dev: proc(5), tty_nr.
    numbers.device = static_cast<u32>((minor & 0xff) | major << 8 | (minor & ~u64{0xff}) << 12);
  }
  return numbers;
}

/// Ids are shown as the reader's user namespace has them.
const fs::UserNamespace *reader_users(const Subject &subject) {
  const Thread *reader = current_thread(subject.kernel);
  return reader ? user_namespace_of(*reader) : nullptr;
}

std::string join_groups(const fs::Credentials &credentials, const fs::UserNamespace *viewer) {
  std::string text;
  for (const u32 group : credentials.groups)
    text += fmt::format("{} ", fs::shown_group(viewer, group));
  return text;
}

std::string id_lines(const fs::Credentials &ids, const fs::UserNamespace *viewer) {
  const auto user = [viewer](u32 id) { return fs::shown_user(viewer, id); };
  const auto group = [viewer](u32 id) { return fs::shown_group(viewer, id); };
  return fmt::format("Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}\n", user(ids.uid), user(ids.euid),
                     user(ids.suid), user(ids.fsuid), group(ids.gid), group(ids.egid),
                     group(ids.sgid), group(ids.fsgid));
}

/// NStgid and the like: the numbers from the procfs's namespace down to the process's own.
std::string namespace_lines(const Subject &subject, const Process &process) {
  const auto line = [&](const char *name, Pid pid) {
    std::string text = fmt::format("{}:", name);
    for (const Pid number : subject.kernel.pid_numbers.numbers_below(subject.pids, pid))
      text += fmt::format("\t{}", number.value);
    return text + "\n";
  };
  return line("NStgid", process.pid) + line("NSpid", subject.id) + line("NSpgid", process.group) +
         line("NSsid", process.session) + "Kthread:\t0\n";
}

std::string memory_lines(const memory::AddressSpace &space, const Process &process) {
  const memory::MemoryUsage usage = space.usage();
  const auto line = [](const char *name, u64 bytes) {
    return fmt::format("{}:\t{:>8} kB\n", name, bytes >> 10);
  };
  const u64 peak = std::max({process.usage.max_resident, space.peak_resident(), usage.resident});
  const memory::AddressSpace::Layout &layout = space.layout();
  const u64 text = round_up_to_page(layout.code_end - layout.code_start);
  std::string result;
  result += line("VmPeak", usage.virtual_size) + line("VmSize", usage.virtual_size);
  result += line("VmLck", usage.locked) + line("VmPin", 0);
  result += line("VmHWM", peak) + line("VmRSS", usage.resident);
  result += line("RssAnon", usage.anonymous) + line("RssFile", usage.file) +
            line("RssShmem", usage.shmem);
  result += line("VmData", usage.data) + line("VmStk", usage.stack) +
            line("VmExe", std::min(text, usage.code)) +
            line("VmLib", usage.code - std::min(text, usage.code));
  result += line("VmPTE", usage.page_table_own) + line("VmSwap", 0) + line("HugetlbPages", 0);
  result += "CoreDumping:\t0\nTHP_enabled:\t0\n";
  return result;
}

/// "TracerPid: PID of process tracing this process (0 if not being traced)".
i32 tracer_pid(const Subject &subject) {
  const Result<Thread *> thread = subject.thread();
  const Thread *tracer = thread ? tracer_of(**thread) : nullptr;
  return tracer != nullptr ? subject.shown(tracer->process->pid) : 0;
}

const char *state_name(char letter) {
  switch (letter) {
  case 'R':
    return "R (running)";
  case 'S':
    return "S (sleeping)";
  case 't':
    return "t (tracing stop)";
  case 'T':
    return "T (stopped)";
  default:
    return "Z (zombie)";
  }
}

} // namespace

char state_letter(const Subject &subject) {
  const Result<Thread *> thread = subject.thread();
  if (!thread)
    return 'Z';
  switch ((*thread)->run_state()) {
  case sched::RunState::runnable:
  case sched::RunState::running:
    return 'R';
  case sched::RunState::stopped:
    if ((*thread)->process->pid == Kernel::reaper_pid)
      return 'S'; // it waits for children, as far as anyone can tell
    return (*thread)->trace && (*thread)->trace->stopped ? 't' : 'T';
  case sched::RunState::dead:
    return 'Z';
  case sched::RunState::blocked:
    break;
  }
  return (*thread)->process->stopped ? 'T' : 'S';
}

std::string command_name(const Subject &subject) {
  if (const Result<Thread *> thread = subject.thread())
    return (*thread)->name;
  const Result<Process *> process = subject.process();
  if (!process)
    return {};
  // A zombie has no threads left: the file that it ran names it.
  const std::string &path = (*process)->executable;
  const std::size_t slash = path.rfind('/');
  constexpr std::size_t longest = 15;
  return path.substr(slash == std::string::npos ? 0 : slash + 1).substr(0, longest);
}

/// proc(5), (18) priority: "the negated scheduling priority, minus one" of a real-time policy or of
/// what a thread inherits, else the nice value from 0 to 39.
int shown_priority(const Thread *thread) {
  const int real_time = thread ? thread->priority() : 0;
  return real_time > 0 ? -1 - real_time : 20 + (thread ? thread->scheduling.nice : 0);
}

Result<std::string> stat_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  const Result<Thread *> found = subject.thread();
  const Thread *thread = found ? *found : nullptr;
  memory::MemoryUsage usage;
  memory::AddressSpace::Layout layout;
  if (thread && thread->memory) {
    usage = thread->memory->usage();
    layout = thread->memory->layout();
  }
  const sched::Scheduling scheduling = thread ? thread->scheduling : sched::Scheduling{};
  const int priority = shown_priority(thread);
  const SignalMasks masks = signal_masks(process, thread);
  const TerminalNumbers terminal = terminal_of(process);
  const bool own = subject.is_thread && thread;
  const Nanoseconds user = own ? thread->user_time : process.usage.user_time;
  const Nanoseconds system = own ? thread->system_time : process.usage.system_time;
  const i32 parent = process.parent ? subject.shown(process.parent->pid) : 0;
  std::string text = fmt::format(
      "{} ({}) {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} 0 {} {} {} {} ",
      subject.shown(subject.id), command_name(subject), state_letter(subject), parent,
      subject.shown(process.group), subject.shown(process.session), terminal.device,
      terminal.foreground, 0x400000, minor_faults_of(process), process.children_usage.minor_faults,
      process.usage.major_faults, process.children_usage.major_faults, ticks(user), ticks(system),
      ticks(process.children_usage.user_time), ticks(process.children_usage.system_time), priority,
      scheduling.nice, std::max<std::size_t>(process.threads.size(), 1),
      ticks(process.start_time - subject.kernel.boot_time), usage.virtual_size,
      usage.resident >> page_shift, process.limits[RLIMIT_RSS].current);
  text += fmt::format(
      "{} {} {} 0 0 {} {} {} {} {} 0 0 {} {} {} {} 0 0 0 ", layout.code_start.value,
      layout.code_end.value, layout.stack_start.value, masks.pending & 0x7fffffff,
      masks.blocked & 0x7fffffff, masks.ignored & 0x7fffffff, masks.caught & 0x7fffffff,
      thread && thread->run_state() == sched::RunState::blocked ? 1 : 0, process.exit_signal,
      std::max(thread ? thread->vcpu() : 0, 0), scheduling.real_time_priority, scheduling.policy);
  text += fmt::format("{} {} {} {} {} {} {} {}\n", layout.data_start.value, layout.data_end.value,
                      layout.heap_start.value, layout.arguments_start.value,
                      layout.arguments_end.value, layout.environment_start.value,
                      layout.environment_end.value, process.exit_status);
  return text;
}

Result<std::string> statm_text(const Subject &subject) {
  TINE_TRY(subject.process());
  const Result<memory::AddressSpace *> space = subject.memory();
  if (!space)
    return std::string("0 0 0 0 0 0 0\n");
  const memory::MemoryUsage usage = (*space)->usage();
  return fmt::format("{} {} {} {} 0 {} 0\n", usage.virtual_size >> page_shift,
                     usage.resident >> page_shift, (usage.file + usage.shmem) >> page_shift,
                     usage.code >> page_shift, (usage.data + usage.stack) >> page_shift);
}

Result<std::string> status_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  const Result<Thread *> found = subject.thread();
  const Thread *thread = found ? *found : nullptr;
  fs::Credentials last;
  last.uid = last.euid = last.suid = last.fsuid = process.real_uid;
  const fs::Credentials &ids = thread ? thread->credentials : last;
  std::string text = fmt::format("Name:\t{}\n", escape(command_name(subject), "\n\\"));
  if (thread && thread->fs)
    text += fmt::format("Umask:\t{:04o}\n", thread->fs->umask);
  const i32 id = subject.shown(subject.id);
  const i32 parent = process.parent ? subject.shown(process.parent->pid) : 0;
  text += fmt::format("State:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t{}\n",
                      state_name(state_letter(subject)), subject.shown(process.pid), id, parent,
                      tracer_pid(subject));
  text += id_lines(ids, reader_users(subject));
  u64 table_size = 0;
  if (thread && thread->files)
    for (const int fd : thread->files->open_descriptors())
      table_size = std::max<u64>(table_size, static_cast<u64>(fd) + 1);
  constexpr u64 table_step = 64;
  table_size = std::max<u64>((table_size + table_step - 1) / table_step * table_step, 256);
  text += fmt::format("FDSize:\t{}\nGroups:\t{}\n", thread ? table_size : 0,
                      join_groups(ids, reader_users(subject)));
  text += namespace_lines(subject, process);
  if (thread && thread->memory)
    text += memory_lines(*thread->memory, process);
  const SignalMasks masks = signal_masks(process, thread);
  text +=
      fmt::format("Threads:\t{}\nSigQ:\t{}/{}\n", std::max<std::size_t>(process.threads.size(), 1),
                  process.pending.size(), process.limits[RLIMIT_SIGPENDING].current);
  text +=
      fmt::format("SigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\n"
                  "SigCgt:\t{:016x}\n",
                  masks.pending, masks.shared_pending, masks.blocked, masks.ignored, masks.caught);
  text += fmt::format("CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\n"
                      "CapAmb:\t{:016x}\n",
                      ids.inheritable, ids.permitted, ids.effective, ids.bounding, ids.ambient);
  const u64 all_cpus =
      subject.kernel.options.cpus >= 64 ? ~u64{0} : (u64{1} << subject.kernel.options.cpus) - 1;
  const u64 cpus = thread ? thread->scheduling.affinity & all_cpus : all_cpus;
  text +=
      fmt::format("NoNewPrivs:\t{}\nSeccomp:\t{}\nSeccomp_filters:\t{}\n",
                  thread && thread->no_new_privileges ? 1 : 0, thread ? thread->seccomp_mode : 0,
                  thread && thread->seccomp_filter ? thread->seccomp_filter->count() : 0);
  text += fmt::format("Cpus_allowed:\t{:x}\nCpus_allowed_list:\t{}\nMems_allowed:\t1\n"
                      "Mems_allowed_list:\t0\n",
                      cpus, bit_list(cpus));
  text += fmt::format("voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
                      thread ? thread->voluntary_switches : process.usage.voluntary_switches,
                      thread ? thread->involuntary_switches : process.usage.involuntary_switches);
  return text;
}

} // namespace tine::process
