// A saved box: its kernel, processes and threads. Each member of Process and Thread is archived
// here, or said to begin anew.
#include "fs/saved_classes.hpp"
#include "memory/address_space.hpp"
#include "net/saved_classes.hpp"
#include "process/aio.hpp"
#include "process/futex.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/pid_file.hpp"
#include "process/process.hpp"
#include "process/saved_classes.hpp"
#include "process/settings.hpp"
#include "process/timers.hpp"
#include "process/tracer.hpp"

#include <algorithm>

namespace tine::process {
namespace {

// A new member of these must be archived below, or it must be right that it begins anew in a
// restored box. Then change the size, and snapshot_version if it is archived.
static_assert(sizeof(Process) == 792 && sizeof(Thread) - sizeof(cpu::CpuState) == 832,
              "save_kernel.cc: say how the new member is saved");

constexpr std::size_t longest_thread_name = 15, longest_hostname = 64; // TASK_COMM_LEN, utsname

bool is_pid(Pid pid) {
  return pid.value >= 0 && pid.value < Kernel::pid_limit;
}

/// As the terminal that a restored standard stream may be none of: it controls no session then.
bool is_terminal(const Ref<fs::File> &file) {
  const auto stream = ref_cast<fs::HostStream>(file);
  return !stream || stream->is_terminal();
}

void archive_asynchronous_io(Archive &archive, Process &process) {
  bool there = process.asynchronous_io != nullptr;
  archive(there);
  if (!there)
    return;
  if (archive.is_reading())
    process.asynchronous_io = std::make_unique<AsynchronousIo>();
  auto &contexts = process.asynchronous_io->contexts;
  u64 count = archive.count(contexts.size());
  auto next = contexts.begin();
  for (; count > 0 && archive.ok(); --count) {
    u64 address = archive.is_reading() ? 0 : next->first;
    archive(address);
    AsynchronousContext &context = archive.is_reading() ? contexts[address] : next++->second;
    archive(context.capacity);
    archive.sequence(context.completed, [&](io_event &event) { archive.plain(event); });
  }
}

} // namespace

void add_saved_classes(ArchiveClasses &classes) {
  classes.add<memory::AddressSpace>("address space");
  classes.add<memory::AnonymousPageObject>("shared memory");
  fs::add_saved_classes(classes);
  net::add_saved_classes(classes);
  classes.add<Process>("process");
  classes.add<Thread>("thread");
  classes.add<SignalHandlers>("signal handlers");
  classes.add<PidFile>("pidfd");
  classes.add<UtsNamespace>("uts namespace");
  classes.add<Namespaces>("namespaces");
  classes.add<NamespaceFile>("namespace file");
  classes.add<PidNamespace>("pid namespace");
  add_saved_ipc(classes);
}

void add_saved_trees(fs::PseudoTrees &trees, Kernel &kernel) {
  fs::add_saved_trees(trees);
  add_saved_procfs(trees, kernel);
  add_saved_sysfs(trees, kernel);
}

void LoadAverage::archive(Archive &archive) {
  constexpr double largest = 1e9;
  archive.instant(sampled_);
  archive.plain(averages_);
  for (double &average : averages_)
    if (!(average >= 0 && average <= largest))
      average = 0;
}

// ---- processes ----

Ref<RefCounted> Process::archive_head(Archive &archive, Process *saved) {
  Pid pid = saved ? saved->pid : Pid{};
  archive(pid);
  if (!is_pid(pid) || pid.is_none())
    archive.fail("it has a process without a number");
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<Process>(*archive.context<Kernel>(), pid);
}

void Process::archive_body(Archive &archive) {
  archive(has_execed, is_subreaper, is_unkillable, exit_signal, parent_death_signal, exiting,
          end_delayed, exit_status, real_uid, stopped, stop_pending, stop_signal, stop_reported,
          continue_reported, tracees, leader_tracer, creator, pending, usage, children_usage,
          transfers.read_bytes, transfers.written_bytes, transfers.read_calls,
          transfers.write_calls, executable, dumpable, huge_pages_disabled, personality,
          oom_score_adjustment, io_priority, executable_file, terminal);
  for (ResourceLimit &limit : limits)
    archive(limit.current, limit.maximum);
  archive.instant(start_time);
  archive_asynchronous_io(archive, *this);
  bool has_timers = timers != nullptr;
  archive(has_timers);
  if (has_timers)
    timers_of(*this).archive(archive);
  if (archive.is_reading() && !is_terminal(terminal))
    terminal = nullptr;
}

void PendingSignals::archive(Archive &archive) {
  archive.sequence(queue_, [&](siginfo_t &info) { archive.plain(info); });
  set_ = {};
  for (const siginfo_t &info : queue_)
    if (info.si_signo >= 1 && info.si_signo <= highest_signal)
      set_.add(info.si_signo);
    else
      archive.fail("it has a signal that can't be");
}

void ProcessTimers::archive(Archive &archive) {
  std::optional<Nanoseconds> real = real_.deadline();
  archive.instant(real);
  archive(real_interval_, virtual_.deadline, virtual_.interval, profiling_.deadline,
          profiling_.interval, next_id_);
  if (archive.is_reading() && real && archive.ok())
    real_.arm(*real);
  u64 count = archive.count(posix_.size());
  auto next = posix_.begin();
  for (; count > 0 && archive.ok(); --count) {
    int id = archive.is_reading() ? 0 : next->first;
    archive(id);
    PosixTimer &timer = archive.is_reading() ? posix_[id] : next++->second;
    timer.id = id;
    bool armed = timer.timer && timer.timer->deadline();
    archive(timer.clock, timer.notify, timer.signal, timer.thread, timer.value, timer.interval,
            timer.cpu_deadline, timer.overrun, timer.last_overrun, armed, timer.is_wall_clock);
    archive.instant(timer.deadline, timer.is_wall_clock);
    if (!archive.is_reading() || !archive.ok())
      continue;
    if (timer.signal < 0 || timer.signal > highest_signal || timer.interval < 0)
      return archive.fail("it has a timer that can't be");
    make_timer(timer);
    if (armed && timer.timer)
      timer.timer->arm(timer.deadline);
    else
      timer.deadline = 0;
  }
}

// ---- threads ----

Ref<RefCounted> Thread::archive_head(Archive &archive, Thread *saved) {
  Pid tid = saved ? saved->tid : Pid{};
  archive(tid);
  if (!is_pid(tid) || tid.is_none())
    archive.fail("it has a thread without a number");
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<Thread>(*archive.context<Kernel>(), tid);
}

void Thread::archive_body(Archive &archive) {
  cpu.archive(archive);
  archive(must_exit, memory);
  archive.required(files);
  archive.required(fs);
  archive.required(handlers);
  archive(credentials, name, signal_mask.bits, pending, alternate_stack.address,
          alternate_stack.size, alternate_stack.flags, waited_signals.bits, last_fault.error_code,
          last_fault.trap_number, last_fault.address, clear_child_tid, set_child_tid, robust_list,
          rseq, rseq_signature, rseq_size, scheduling.policy, scheduling.real_time_priority,
          scheduling.nice, scheduling.reset_on_fork, scheduling.affinity, timer_slack,
          default_timer_slack, user_time, system_time, voluntary_switches, involuntary_switches,
          no_new_privileges, seccomp_mode, is_io_flusher, memory_failure_policy, secure_bits,
          syscall_state, syscall_number, semaphore_undo, trace, namespaces);
  SeccompFilter::archive(archive, seccomp_filter);
  if (seccomp_mode > SECCOMP_MODE_FILTER ||
      (seccomp_mode == SECCOMP_MODE_FILTER) != static_cast<bool>(seccomp_filter))
    archive.fail("it has a mode of seccomp that can't be");
  std::optional<Nanoseconds> deadline = timeout.deadline();
  archive.instant(deadline, syscall_state.deadline_is_wall_clock);
  if (name.size() > longest_thread_name)
    archive.fail("it has a name that can't be");
  if (scheduling.real_time_priority < 0 || scheduling.real_time_priority > 99 ||
      scheduling.nice < -20 || scheduling.nice > 19)
    archive.fail("it has a priority that can't be");
  if (!archive.is_reading() || !archive.ok())
    return;
  // It may have been bound to a vCPU that there isn't here: then it runs on any.
  const u32 cpus = kernel.options.cpus;
  if ((scheduling.affinity & (cpus < 64 ? (u64{1} << cpus) - 1 : ~u64{0})) == 0)
    scheduling.affinity = ~u64{0};
  if (deadline)
    timeout.arm(*deadline);
  if (memory && memory->observer() == nullptr)
    kernel.host.machine.attach(*memory);
}

void SyscallState::archive(Archive &archive) {
  bool has_mask = saved_mask.has_value();
  u64 mask = has_mask ? saved_mask->bits : 0;
  archive(retrying, timed_out, progress, woken, scratch, has_mask, mask, deadline_is_wall_clock);
  archive.instant(deadline, deadline_is_wall_clock);
  if (archive.is_reading())
    saved_mask = has_mask ? std::optional(SignalSet{mask}) : std::nullopt;
}

void TraceState::archive(Archive &archive) {
  bool has_info = info.has_value();
  siginfo_t signal = info.value_or(siginfo_t{});
  archive(tracer, seized, options, stopped, listening, wait_code, has_info, message, resume_signal,
          call_result, call_has_result, exit_status, report_calls, emulate_calls, step,
          forced_trap_flag, group_stop_pending, trap_pending, notify_pending, pending_event,
          pending_message, restart_number, debug_registers);
  archive.choice(after, AfterStop::make_traced_call);
  archive.plain(signal);
  archive.instant(restart_deadline);
  if (archive.is_reading())
    info = has_info ? std::optional(signal) : std::nullopt;
  if (resume_signal < 0 || resume_signal > highest_signal)
    archive.fail("it has a signal that can't be");
}

Ref<RefCounted> SignalHandlers::archive_head(Archive &, SignalHandlers *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<SignalHandlers>();
}

void SignalHandlers::archive_body(Archive &archive) {
  archive(*actions_);
}

/// Who waits in futex(2), in order. Who waits for several words looks at them again.
void FutexTable::archive(Archive &archive, const std::function<Thread *(Pid)> &find) {
  struct Waiter {
    FutexKey key;
    Pid thread;
    u32 bitset = 0;
    Pid lock_owner{};
    GuestAddress lock_address;
  };
  std::vector<Waiter> entries;
  for (const auto &[key, threads] : queues_)
    for (const Thread *thread : threads)
      if (const FutexWaiter &waiter = thread->futex_waiter;
          archive.has(key.owner) && waiter.words.empty() && waiter.target.key.owner == nullptr)
        entries.push_back({key, thread->tid, waiter.bitset,
                           waiter.lock_owner ? waiter.lock_owner->tid : Pid{},
                           waiter.lock_address});
  archive.sequence(entries, [&](Waiter &entry) {
    archive.weak_address(entry.key.owner);
    archive(entry.key.offset, entry.thread, entry.bitset, entry.lock_owner, entry.lock_address);
  });
  if (!archive.is_reading())
    return;
  for (const Waiter &entry : entries) {
    Thread *const thread = find(entry.thread);
    auto *const owner = static_cast<RefCounted *>(const_cast<void *>(entry.key.owner));
    Ref<memory::PageObject> object(dynamic_cast<memory::PageObject *>(owner));
    Thread *const lock_owner = entry.lock_owner.value != 0 ? find(entry.lock_owner) : nullptr;
    if (!thread || !thread->memory || thread->futex_waiter.queued ||
        (entry.lock_owner.value != 0 && !lock_owner) ||
        (!object && (owner == nullptr || owner != thread->memory.get())))
      return archive.fail("it has a thread that waits for nothing");
    if (lock_owner == nullptr)
      enqueue(*thread, entry.key, entry.bitset, std::move(object));
    else if (!enqueue_for_lock(*thread, {entry.key, std::move(object)}, entry.lock_address,
                               *lock_owner))
      return archive.fail("it has threads that wait for one another");
  }
}

// ---- namespaces ----

Ref<RefCounted> UtsNamespace::archive_head(Archive &, UtsNamespace *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<UtsNamespace>();
}

void UtsNamespace::archive_body(Archive &archive) {
  archive(id, owner, hostname, domain_name);
  if (hostname.size() > longest_hostname || domain_name.size() > longest_hostname)
    archive.fail("it has a name that can't be");
}

Ref<RefCounted> Namespaces::archive_head(Archive &, Namespaces *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<Namespaces>();
}

void Namespaces::archive_body(Archive &archive) {
  archive(uts, pid, pid_for_children, ipc, network, cgroup);
}

Ref<RefCounted> NamespaceFile::archive_head(Archive &archive, NamespaceFile *saved) {
  return archive_file(archive, saved, [&](u32) -> Ref<fs::File> {
    std::string kind = saved ? saved->kind_ : "";
    u64 flag = saved ? saved->flag_ : 0, number = saved ? saved->number_ : 0;
    archive(kind, flag, number);
    const auto names = namespace_names();
    const auto found = std::find_if(names.begin(), names.end(), [&](const NamespaceName &name) {
      return name.kind == kind && name.flag == flag;
    });
    if (found == names.end())
      archive.fail("it has a namespace of no kind");
    return saved || !archive.ok() ? nullptr : make_ref<NamespaceFile>(found->kind, flag, number);
  });
}

void NamespaceFile::archive_body(Archive &archive) {
  archive(mounts, uts, pid, ipc, network, user);
}

Ref<RefCounted> PidNamespace::archive_head(Archive &archive, PidNamespace *saved) {
  u64 id = saved ? saved->id : 0;
  Ref<PidNamespace> parent = saved ? saved->parent : nullptr;
  Ref<fs::UserNamespace> owner = saved ? saved->owner : nullptr;
  archive(id, parent, owner);
  if (parent && parent->level >= deepest_level)
    archive.fail("it has pid namespaces that are nested too deeply");
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<PidNamespace>(id, parent, owner);
}

void PidNamespace::archive_body(Archive &archive) {
  archive(init, ended, by_number_, last_);
  if (last_ < 0 || last_ >= Kernel::pid_limit)
    archive.fail("it has a process without a number");
}

void PidNumbers::archive(Archive &archive) {
  u64 count = archive.count(entries_.size());
  auto next = entries_.begin();
  for (; count > 0 && archive.ok(); --count) {
    Pid pid = archive.is_reading() ? Pid{} : next->first;
    Entry read;
    Entry &entry = archive.is_reading() ? read : next++->second;
    archive(pid);
    archive.required(entry.space);
    archive(entry.numbers);
    if (!archive.is_reading() || !archive.ok())
      continue;
    if (entry.numbers.size() != entry.space->level)
      return archive.fail("it has a process without a number");
    entries_.emplace(pid, std::move(entry));
  }
}

Ref<RefCounted> PidFile::archive_head(Archive &archive, PidFile *saved) {
  return archive_file(archive, saved, [&](u32) -> Ref<fs::File> {
    Ref<Process> process = saved ? saved->process_ : nullptr;
    Pid thread = saved && saved->is_of_thread() ? saved->id() : Pid{};
    archive.required(process);
    archive(thread);
    return saved || !archive.ok() ? nullptr : make_ref<PidFile>(process, thread);
  });
}

// ---- the kernel ----

void Kernel::archive(Archive &archive) {
  archive.set_context(*this);
  archive.set_context(network);
  archive.set_context(*file_signals);
  archive.instant(boot_time);
  archive_clock(archive);
  load.archive(archive);
  archive(hostname, domain_name, remembered_settings, main_pid, last_pid_);
  Ref<net::Network> own_network = first_network;
  Ref<IpcNamespace> own_ipc = ipc;
  archive.required(own_network);
  archive.required(own_ipc);
  if (own_network != first_network || own_ipc != ipc || hostname.size() > longest_hostname ||
      domain_name.size() > longest_hostname || last_pid_ < 0 || last_pid_ >= pid_limit)
    archive.fail("it has no kernel");
  if (archive.is_reading() && archive.ok())
    apply_setting(*this, "kernel/pid_max");
  pid_numbers.archive(archive);
  archive_processes(archive);
  archive.required(mounts);
  for (const auto &[pid, process] : processes_)
    archive_threads(archive, *process);
  for (Ref<fs::File> &end : console)
    archive(end);
  archive.finish();
  futexes->archive(archive, [this](Pid tid) { return find_thread(tid); });
  if (archive.is_reading() && archive.ok())
    check_restored(archive);
}

void Kernel::archive_clock(Archive &archive) {
  u64 monotonic = static_cast<u64>(archive.now()) + static_cast<u64>(monotonic_offset);
  archive(monotonic);
  monotonic_offset = static_cast<Nanoseconds>(monotonic - static_cast<u64>(archive.now()));
}

void Kernel::archive_processes(Archive &archive) {
  u64 count = archive.count(processes_.size());
  auto next = processes_.begin();
  for (; count > 0 && archive.ok(); --count) {
    Ref<Process> process = archive.is_reading() ? nullptr : next++->second;
    archive.required(process);
    Pid group = process ? process->group : Pid{}, session = process ? process->session : Pid{};
    archive(group, session);
    if (!archive.is_reading() || !archive.ok())
      continue;
    if (!is_pid(group) || !is_pid(session) || find_process(process->pid) != nullptr)
      return archive.fail("it has two processes of one number");
    set_group(*process, group);
    set_session(*process, session);
    add_process(std::move(process));
  }
}

void Kernel::archive_threads(Archive &archive, Process &process) {
  Pid parent = process.parent ? process.parent->pid : Pid{};
  std::vector<Pid> children;
  for (const Process *child : process.children)
    children.push_back(child->pid);
  archive(parent, children);
  if (archive.is_reading()) {
    process.parent = find_process(parent);
    for (const Pid pid : children)
      if (Process *child = find_process(pid))
        process.children.push_back(child);
  }
  u64 count = archive.count(process.threads.size());
  for (u64 i = 0; i < count && archive.ok(); ++i) {
    Ref<Thread> thread = archive.is_reading() ? nullptr : process.threads[i];
    archive.required(thread);
    bool is_stopped = thread && thread->run_state() == sched::RunState::stopped;
    archive(is_stopped);
    if (!archive.is_reading() || !archive.ok())
      continue;
    if (thread->process != nullptr || find_thread(thread->tid) != nullptr)
      return archive.fail("it has two threads of one number");
    thread->process = &process;
    if (is_stopped)
      host.scheduler.remove(*thread, sched::RunState::stopped);
    add_thread(*thread);
    process.threads.push_back(thread);
  }
  archive.at_end([&process](Archive &end) {
    for (const Ref<Thread> &thread : process.threads) {
      Thread *parent_of_vfork = thread->vfork_parent.get();
      end.weak(parent_of_vfork);
      if (end.is_reading())
        thread->vfork_parent = Ref<Thread>(parent_of_vfork);
    }
  });
}

/// What the rest of the kernel takes for granted.
void Kernel::check_restored(Archive &archive) const {
  if (main_process() == nullptr || main_process()->is_zombie() ||
      find_process(reaper_pid) == nullptr)
    return archive.fail("it has no main process");
  for (const auto &[pid, process] : processes_) {
    for (const Process *child : process->children)
      if (child->parent != process.get())
        return archive.fail("it has a child without its parent");
    if (process->parent != nullptr &&
        std::count(process->parent->children.begin(), process->parent->children.end(),
                   process.get()) != 1)
      return archive.fail("it has a parent without its child");
    // Up to the first, which has none.
    const Process *above = process.get();
    for (std::size_t steps = 0; above->parent != nullptr; above = above->parent)
      if (++steps > processes_.size())
        return archive.fail("it has a process that is its own parent");
    for (const Ref<Thread> &thread : process->threads) {
      if (!thread->memory && (thread->run_state() != sched::RunState::stopped || pid != reaper_pid))
        return archive.fail("it has a thread without memory");
      if (pid == reaper_pid && thread->run_state() != sched::RunState::stopped)
        return archive.fail("its process 1 runs");
      if (thread->vfork_parent &&
          (thread->vfork_parent->process == nullptr || thread->vfork_parent.get() == thread.get()))
        return archive.fail("it has a thread of no process");
    }
  }
}

} // namespace tine::process
