// The smaller entries of /proc/PID, and the tables of all of them.
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"
#include "process/timers.hpp"

#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <fmt/format.h>
#include <linux/capability.h>

namespace tine::process {
namespace {

Result<std::string> memory_range(const Subject &subject, GuestAddress start, GuestAddress end) {
  memory::AddressSpace &space = *TINE_TRY(subject.memory());
  constexpr u64 longest = u64{16} << 20;
  std::string text(end > start ? std::min(end - start, longest) : 0, '\0');
  if (!space.force_read(start, std::as_writable_bytes(std::span(text))).ok())
    return std::string();
  return text;
}

Result<std::string> cmdline_text(const Subject &subject) {
  TINE_TRY(subject.process());
  const Result<memory::AddressSpace *> space = subject.memory();
  if (!space)
    return std::string();
  const memory::AddressSpace::Layout &layout = (*space)->layout();
  std::string text = TINE_TRY(memory_range(subject, layout.arguments_start, layout.arguments_end));
  // setproctitle(3): without the final NUL the title goes on into the environment.
  if (!text.empty() && text.back() != '\0') {
    const std::string more =
        TINE_TRY(memory_range(subject, layout.arguments_end, layout.environment_end));
    text += more.substr(0, more.find('\0'));
    text = text.substr(0, text.find('\0'));
  }
  return text;
}

Result<std::string> environ_text(const Subject &subject) {
  const memory::AddressSpace::Layout &layout = TINE_TRY(subject.memory())->layout();
  return memory_range(subject, layout.environment_start, layout.environment_end);
}

Result<std::string> auxv_text(const Subject &subject) {
  const auto values = TINE_TRY(subject.memory())->layout().auxiliary_vector;
  if (!values)
    return std::string();
  return std::string(reinterpret_cast<const char *>(values->data()), values->size() * sizeof(u64));
}

Result<std::string> comm_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return command_name(subject) + "\n";
}

Status set_comm(const Subject &subject, std::string_view text) {
  constexpr std::size_t longest = 15;
  while (!text.empty() && text.back() == '\n')
    text.remove_suffix(1);
  TINE_TRY(subject.thread())->name = text.substr(0, longest);
  return Done{};
}

struct LimitName {
  const char *name;
  const char *unit;
};

/// In the order of the RLIMIT_ numbers: fs/proc/base.c, lnames.
constexpr LimitName limit_names[RLIM_NLIMITS] = {
    {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
    {"Max data size", "bytes"},      {"Max stack size", "bytes"},
    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
    {"Max processes", "processes"},  {"Max open files", "files"},
    {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
    {"Max file locks", "locks"},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
    {"Max realtime priority", ""},   {"Max realtime timeout", "us"},
};

Result<std::string> limits_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  const auto show = [](u64 value) {
    return value == RLIM_INFINITY ? std::string("unlimited") : fmt::format("{}", value);
  };
  std::string text =
      fmt::format("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  for (std::size_t i = 0; i < RLIM_NLIMITS; ++i)
    text += fmt::format("{:<25} {:<20} {:<20} {:<{}}\n", limit_names[i].name,
                        show(process.limits[i].current), show(process.limits[i].maximum),
                        limit_names[i].unit, *limit_names[i].unit != '\0' ? 10 : 0);
  return text;
}

Result<std::string> oom_score_text(const Subject &subject) {
  TINE_TRY(subject.process());
  const Result<memory::AddressSpace *> space = subject.memory();
  if (!space)
    return std::string("0\n");
  // proc(5): the share of the box's memory that it holds, in thousandths, plus 2/3 of a thousand.
  const u64 limit = std::max<u64>(subject.kernel.host.frames.limit_bytes(), 1);
  return fmt::format("{}\n", 666 + (*space)->usage().resident * 1000 / limit);
}

Result<std::string> cgroup_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return std::string("0::/\n");
}

Result<std::string> wchan_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return std::string("0");
}

Result<std::string> personality_text(const Subject &subject) {
  return fmt::format("{:08x}\n", TINE_TRY(subject.process())->personality);
}

/// projid_map: no file system of a box has project ids.
Result<std::string> id_map_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return fmt::format("{:>10} {:>10} {:>10}\n", 0, 0, ~u32{0});
}

Result<std::string> schedstat_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  return fmt::format("{} 0 {}\n", process.usage.user_time + process.usage.system_time,
                     process.usage.voluntary_switches + process.usage.involuntary_switches);
}

Result<std::string> sched_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  const Result<Thread *> thread = subject.thread();
  const double run_ms =
      static_cast<double>(process.usage.user_time + process.usage.system_time) / 1e6;
  const u64 voluntary = process.usage.voluntary_switches,
            involuntary = process.usage.involuntary_switches;
  std::string text =
      fmt::format("{} ({}, #threads: {})\n", command_name(subject), subject.shown(subject.id),
                  std::max<std::size_t>(process.threads.size(), 1));
  text += std::string(67, '-') + '\n';
  const auto line = [&](const char *name, const std::string &value) {
    text += fmt::format("{:<45}:{:>21}\n", name, value);
  };
  line("se.sum_exec_runtime", fmt::format("{:.6f}", run_ms));
  line("nr_switches", fmt::format("{}", voluntary + involuntary));
  line("nr_voluntary_switches", fmt::format("{}", voluntary));
  line("nr_involuntary_switches", fmt::format("{}", involuntary));
  const sched::Scheduling scheduling = thread ? (*thread)->scheduling : sched::Scheduling{};
  line("policy", fmt::format("{}", scheduling.policy));
  line("prio", fmt::format("{}", 120 + scheduling.nice));
  return text;
}

Result<std::string> syscall_text(const Subject &subject) {
  const Thread &thread = *TINE_TRY(subject.thread());
  const cpu::CpuState &cpu = thread.cpu;
  // On a vCPU and in a call: it is the reader itself.
  const bool runs = thread.vcpu() >= 0 && thread.syscall_number < 0;
  if (thread.run_state() == sched::RunState::runnable || runs)
    return std::string("running\n");
  const auto &r = cpu.gpr;
  if (thread.syscall_number < 0)
    return fmt::format("-1 {:#x} {:#x}\n", r[cpu::rsp], cpu.rip);
  return fmt::format("{} {:#x} {:#x} {:#x} {:#x} {:#x} {:#x} {:#x} {:#x}\n", thread.syscall_number,
                     r[cpu::rdi], r[cpu::rsi], r[cpu::rdx], r[cpu::r10], r[cpu::r8], r[cpu::r9],
                     r[cpu::rsp], cpu.rip);
}

/// A file whose reading is refused, as Linux refuses it here.
template <int Error> Result<std::string> refused(const Subject &) {
  return Errno{Error};
}

template <int Value> Result<std::string> number_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return fmt::format("{}\n", Value);
}

Result<std::string> unset_id_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return std::string("4294967295");
}

Result<std::string> timerslack_text(const Subject &subject) {
  return fmt::format("{}\n", TINE_TRY(subject.thread())->timer_slack);
}

/// "ns of 0: … reset to the default"; of another thread CAP_SYS_NICE may.
Status set_timerslack(const Subject &subject, std::string_view text) {
  Thread &thread = *TINE_TRY(subject.thread());
  const Thread *writer = current_thread(subject.kernel);
  if (writer != nullptr && writer != &thread && !writer->credentials.capable(CAP_SYS_NICE))
    return Errno{EPERM};
  u64 slack = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slack);
  if (error != std::errc{})
    return Errno{EINVAL};
  thread.timer_slack = slack == 0 ? thread.default_timer_slack : slack;
  return Done{};
}

Result<std::string> coredump_filter_text(const Subject &subject) {
  TINE_TRY(subject.process());
  return std::string("00000033\n");
}

Result<std::string> children_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  std::string text;
  // A child is listed with the thread that made it; here all are the leader's.
  if (process.leader() && process.leader()->tid == subject.id)
    for (const Process *child : process.children)
      if (const i32 number = subject.shown(child->pid); number != 0)
        text += fmt::format("{} ", number);
  return text;
}

Result<std::string> adjustment_text(const Subject &subject) {
  return fmt::format("{}\n", TINE_TRY(subject.process())->oom_score_adjustment);
}

Status set_adjustment(const Subject &subject, std::string_view text) {
  Process &process = *TINE_TRY(subject.process());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < -1000 || value > 1000)
    return Errno{EINVAL};
  process.oom_score_adjustment = value;
  return Done{};
}

/// proc(5): what the values 1 to 5 reset. Nothing is kept of which pages were referenced or are
/// soft-dirty, as in a kernel without CONFIG_MEM_SOFT_DIRTY: bit 55 of pagemap is zero. 5 resets
/// the peak resident set size.
Status clear_references(const Subject &subject, std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 5)
    return Errno{EINVAL};
  Process &process = *TINE_TRY(subject.process());
  if (value == 5) { // what is resident now counts from here on
    process.usage.max_resident = 0;
    if (const Result<memory::AddressSpace *> space = subject.memory())
      (*space)->forget_peak();
  }
  return Done{};
}

Status ignore(const Subject &, std::string_view) {
  return Done{};
}

// ---- links ----

Result<Ref<fs::Inode>> make_exe(fs::PseudoFs &fs, const Subject &subject,
                                fs::PseudoAttributes attributes) {
  return fs.magic_link(attributes, [subject]() -> Result<fs::Path> {
    const Process &process = *TINE_TRY(subject.process());
    TINE_TRY(check_reader(subject));
    if (!process.executable_file || process.is_zombie())
      return Errno{ENOENT};
    return fs::path_of(*process.executable_file);
  });
}

Result<Ref<fs::Inode>> make_cwd(fs::PseudoFs &fs, const Subject &subject,
                                fs::PseudoAttributes attributes) {
  return fs.magic_link(attributes, [subject]() -> Result<fs::Path> {
    const Thread &thread = *TINE_TRY(subject.thread());
    TINE_TRY(check_reader(subject));
    return thread.fs ? Result<fs::Path>{thread.fs->working_directory} : Errno{ENOENT};
  });
}

Result<Ref<fs::Inode>> make_root(fs::PseudoFs &fs, const Subject &subject,
                                 fs::PseudoAttributes attributes) {
  return fs.magic_link(attributes, [subject]() -> Result<fs::Path> {
    const Thread &thread = *TINE_TRY(subject.thread());
    TINE_TRY(check_reader(subject));
    return thread.fs ? Result<fs::Path>{thread.fs->root} : Errno{ENOENT};
  });
}

Result<Ref<fs::Inode>> make_ns(fs::PseudoFs &fs, const Subject &subject,
                               fs::PseudoAttributes attributes) {
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  for (const NamespaceName &entry : namespace_names())
    directory->add(entry.name, fs.file_link({}, [subject, &entry]() -> Result<Ref<fs::File>> {
      const Thread *thread = TINE_TRY(subject.thread());
      TINE_TRY(check_reader(subject));
      return Ref<fs::File>(TINE_TRY(namespace_file(*thread, entry)));
    }));
  return Ref<fs::Inode>(std::move(directory));
}

Result<Ref<fs::Inode>> make_attr(fs::PseudoFs &fs, const Subject &,
                                 fs::PseudoAttributes attributes) {
  // Without a security module there is nothing to read: EINVAL.
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  for (const char *name : {"current", "exec", "fscreate", "keycreate", "prev", "sockcreate"})
    directory->add(name,
                   fs.file({.mode = 0666}, []() -> Result<std::string> { return Errno{EINVAL}; }));
  return Ref<fs::Inode>(std::move(directory));
}

Result<Ref<fs::Inode>> make_net(fs::PseudoFs &fs, const Subject &subject, fs::PseudoAttributes) {
  return Ref<fs::Inode>(make_net_directory(fs, subject));
}

Result<Ref<fs::Inode>> make_task(fs::PseudoFs &fs, const Subject &subject,
                                 fs::PseudoAttributes attributes) {
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  directory->set_dynamic(
      [&fs, subject](std::string_view name) -> Result<Ref<fs::Inode>> {
        i32 id = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
        if (error != std::errc{} || end != name.data() + name.size() || name.front() == '0')
          return Errno{ENOENT};
        const Process &process = *TINE_TRY(subject.process());
        const Pid tid = subject.kernel.pid_numbers.find(subject.pids, Pid{id});
        const Thread *thread = subject.kernel.find_thread(tid);
        if (!thread || thread->process != &process)
          return Errno{ENOENT};
        return make_process_directory(fs, {subject.kernel, tid, true, subject.pids});
      },
      [subject]() -> Result<std::vector<fs::DirectoryEntry>> {
        std::vector<fs::DirectoryEntry> list;
        const Process &process = *TINE_TRY(subject.process());
        for (const Ref<Thread> &thread : process.threads)
          list.push_back({entry_number({subject.kernel, thread->tid, true}, 0), 0, DT_DIR,
                          fmt::format("{}", subject.shown(thread->tid))});
        return list;
      });
  return Ref<fs::Inode>(std::move(directory));
}

/// No storage is behind the box's files, so the last three stay zero.
Result<std::string> io_text(const Subject &subject) {
  const TransferUsage &transfers = TINE_TRY(subject.process())->transfers;
  return fmt::format("rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\nread_bytes: 0\n"
                     "write_bytes: 0\ncancelled_write_bytes: 0\n",
                     transfers.read_bytes, transfers.written_bytes, transfers.read_calls,
                     transfers.write_calls);
}

Result<std::string> timers_text(const Subject &subject) {
  const Process &process = *TINE_TRY(subject.process());
  std::string text;
  if (!process.timers)
    return text;
  for (const auto &[id, timer] : process.timers->posix()) {
    const bool to_thread = timer.notify == SIGEV_THREAD_ID;
    const char *method = timer.notify == SIGEV_NONE     ? "none"
                         : timer.notify == SIGEV_THREAD ? "thread"
                                                        : "signal";
    text += fmt::format("ID: {}\nsignal: {}/{:016x}\nnotify: {}/{}.{}\nClockID: {}\n", id,
                        timer.signal, timer.value, method, to_thread ? "tid" : "pid",
                        subject.shown(to_thread ? timer.thread : process.pid), timer.clock);
  }
  return text;
}

// ---- the tables ----

constexpr SubjectEntry text(const char *name, u32 mode,
                            Result<std::string> (*read)(const Subject &),
                            Status (*write)(const Subject &, std::string_view) = nullptr) {
  return {name, S_IFREG, mode, read, write, nullptr};
}
constexpr SubjectEntry made(const char *name, u32 type, u32 mode,
                            Result<Ref<fs::Inode>> (*make)(fs::PseudoFs &, const Subject &,
                                                           fs::PseudoAttributes)) {
  return {name, type, mode, nullptr, nullptr, make};
}

// All but the first are a process's; a thread has all but the last.
constexpr SubjectEntry entries[] = {
    text("children", 0444, children_text),
    made("attr", S_IFDIR, 0555, make_attr),
    text("auxv", 0400, auxv_text),
    text("cgroup", 0444, cgroup_text),
    text("clear_refs", 0200, refused<EINVAL>, clear_references),
    text("cmdline", 0444, cmdline_text),
    text("comm", 0644, comm_text, set_comm),
    text("coredump_filter", 0644, coredump_filter_text, ignore),
    made("cwd", S_IFLNK, 0777, make_cwd),
    text("environ", 0400, environ_text),
    made("exe", S_IFLNK, 0777, make_exe),
    made("fd", S_IFDIR, 0500, make_fd),
    made("fdinfo", S_IFDIR, 0555, make_fdinfo),
    text("gid_map", 0644, gid_map_text, write_gid_map),
    text("io", 0400, io_text),
    text("limits", 0444, limits_text),
    text("loginuid", 0644, unset_id_text),
    made("map_files", S_IFDIR, 0500, make_map_files),
    text("maps", 0444, maps_text),
    made("mem", S_IFREG, 0600, make_mem),
    text("mountinfo", 0444, mountinfo_text),
    text("mounts", 0444, mounts_text),
    text("mountstats", 0400, mountstats_text),
    made("net", S_IFDIR, 0555, make_net),
    made("ns", S_IFDIR, 0511, make_ns),
    text("numa_maps", 0444, numa_maps_text),
    text("oom_adj", 0644, number_text<0>, ignore),
    text("oom_score", 0444, oom_score_text),
    text("oom_score_adj", 0644, adjustment_text, set_adjustment),
    made("pagemap", S_IFREG, 0400, make_pagemap),
    text("personality", 0400, personality_text),
    text("projid_map", 0644, id_map_text),
    made("root", S_IFLNK, 0777, make_root),
    text("sched", 0644, sched_text),
    text("schedstat", 0444, schedstat_text),
    text("sessionid", 0444, unset_id_text),
    text("setgroups", 0644, setgroups_text, write_setgroups),
    text("smaps", 0444, smaps_text),
    text("smaps_rollup", 0444, smaps_rollup_text),
    text("stack", 0400, refused<EPERM>),
    text("stat", 0444, stat_text),
    text("statm", 0444, statm_text),
    text("status", 0444, status_text),
    text("syscall", 0400, syscall_text),
    text("timers", 0444, timers_text),
    text("timerslack_ns", 0666, timerslack_text, set_timerslack),
    text("uid_map", 0644, uid_map_text, write_uid_map),
    text("wchan", 0444, wchan_text),
    made("task", S_IFDIR, 0555, make_task),
};

} // namespace

std::span<const SubjectEntry> process_entries() {
  return std::span(entries).subspan(1);
}
std::span<const SubjectEntry> thread_entries() {
  return std::span(entries).first(std::size(entries) - 1);
}

Ref<fs::Inode> make_process_directory(fs::PseudoFs &fs, const Subject &subject) {
  fs::PseudoAttributes attributes = owner_of(subject);
  attributes.mode = 0555;
  attributes.inode = entry_number(subject, 0);
  const Ref<fs::PseudoDirectory> directory = make_subject_directory(
      fs, subject, subject.is_thread ? thread_entries() : process_entries(), attributes);
  if (const Result<Process *> process = subject.process(); process && !subject.is_thread)
    directory->set_subject(Ref<RefCounted>(*process));
  return directory;
}

} // namespace tine::process
