// The fork of a box: its kernel, processes and threads. Each member of Process and Thread is copied
// here, or said to begin anew.
#include "fs/host_files.hpp"
#include "process/aio.hpp"
#include "process/futex.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/pid_file.hpp"
#include "process/process.hpp"
#include "process/timers.hpp"
#include "process/tracer.hpp"

namespace tine::process {
namespace {

// A new member of these must be copied below, or it must be right that it begins anew in the fork
// of a box. Then change the size.
static_assert(sizeof(Process) == 792 && sizeof(Thread) - sizeof(cpu::CpuState) == 832,
              "copy_kernel.cc: say how the new member is copied in the fork of a box");

/// The copy of a standard stream that isn't a terminal controls no session.
Result<Ref<fs::File>> copy_terminal(const Ref<fs::File> &terminal, Copier &copier) {
  Ref<fs::File> made = TINE_TRY(copier.copy(terminal));
  const auto stream = ref_cast<fs::HostStream>(made);
  return stream && !stream->is_terminal() ? Ref<fs::File>() : made;
}

/// The first copy of an address space is known to the machine from then on.
Result<Ref<memory::AddressSpace>> copy_memory(const Ref<memory::AddressSpace> &original,
                                              Copier &copier, cpu::Machine &machine) {
  if (!original || copier.find(*original))
    return copier.copy(original);
  Ref<memory::AddressSpace> made = TINE_TRY(copier.copy(original));
  machine.attach(*made, original.get());
  return made;
}

void copy_relatives(const Process &original, Process &made, const Copier &copier) {
  if (original.parent)
    made.parent = copier.find(*original.parent);
  for (const Process *child : original.children)
    made.children.push_back(copier.find(*child));
}

} // namespace

Result<Ref<Process>> Process::copy(Copier &copier) {
  Ref<Process> made = make_ref<Process>(*copier.counterpart(kernel), pid);
  copier.note(*this, made);
  made->has_execed = has_execed;
  made->is_subreaper = is_subreaper;
  made->is_unkillable = is_unkillable;
  made->exit_signal = exit_signal;
  made->parent_death_signal = parent_death_signal;
  made->exiting = exiting;
  made->end_delayed = end_delayed;
  made->exit_status = exit_status;
  made->real_uid = real_uid;
  made->stopped = stopped;
  made->stop_pending = stop_pending;
  made->stop_pending = stop_pending;
  made->stop_signal = stop_signal;
  made->stop_reported = stop_reported;
  made->continue_reported = continue_reported;
  made->tracees = tracees;
  made->leader_tracer = leader_tracer;
  made->creator = creator;
  made->pending = pending;
  made->usage = usage;
  made->transfers = transfers;
  made->children_usage = children_usage;
  made->limits = limits;
  made->executable = executable;
  made->start_time = start_time;
  made->dumpable = dumpable;
  made->huge_pages_disabled = huge_pages_disabled;
  made->personality = personality;
  made->oom_score_adjustment = oom_score_adjustment;
  made->io_priority = io_priority;
  if (asynchronous_io)
    made->asynchronous_io = asynchronous_io->copy();
  if (timers)
    timers_of(*made).copy_from(*timers);
  copier.later([this, &copier, made]() -> Status {
    made->executable_file = TINE_TRY(copier.copy(executable_file));
    made->terminal = TINE_TRY(copy_terminal(terminal, copier));
    return Done{};
  });
  return made;
}

Result<Ref<Thread>> Thread::copy(Copier &copier) {
  Kernel &new_kernel = *copier.counterpart(kernel);
  Ref<Thread> made = make_ref<Thread>(new_kernel, tid);
  made->must_exit = must_exit;
  made->cpu = cpu;
  made->process = copier.find(*process);
  made->memory = TINE_TRY(copy_memory(memory, copier, new_kernel.host.machine));
  made->files = TINE_TRY(copier.copy(files));
  made->fs = TINE_TRY(copier.copy(fs));
  made->handlers = TINE_TRY(copier.copy(handlers));
  made->credentials = credentials;
  made->credentials.user_namespace = TINE_TRY(copier.copy(credentials.user_namespace));
  made->name = name;
  made->signal_mask = signal_mask;
  made->pending = pending;
  made->alternate_stack = alternate_stack;
  made->waited_signals = waited_signals;
  made->last_fault = last_fault;
  made->clear_child_tid = clear_child_tid;
  made->set_child_tid = set_child_tid;
  made->robust_list = robust_list;
  made->rseq = rseq;
  made->rseq_signature = rseq_signature;
  made->rseq_size = rseq_size;
  made->scheduling = scheduling;
  made->timer_slack = timer_slack;
  made->default_timer_slack = default_timer_slack;
  made->user_time = user_time;
  made->system_time = system_time;
  made->voluntary_switches = voluntary_switches;
  made->involuntary_switches = involuntary_switches;
  made->no_new_privileges = no_new_privileges;
  made->seccomp_mode = seccomp_mode;
  made->seccomp_filter = seccomp_filter;
  made->is_io_flusher = is_io_flusher;
  made->memory_failure_policy = memory_failure_policy;
  made->secure_bits = secure_bits;
  made->syscall_state = syscall_state;
  made->syscall_number = syscall_number;
  made->semaphore_undo = TINE_TRY(copier.copy(semaphore_undo));
  made->trace = trace ? std::make_unique<TraceState>(*trace) : nullptr;
  made->namespaces = TINE_TRY(copier.copy(namespaces));
  if (const auto deadline = timeout.deadline())
    made->timeout.arm(*deadline);
  return made;
}

void FutexTable::copy_waiters(const FutexTable &original, Copier &copier) {
  for (const auto &[key, threads] : original.queues_) {
    const FutexKey copied{copier.find_address(key.owner), key.offset};
    if (copied.owner == nullptr)
      continue; // they look at the word again
    for (const Thread *thread : threads) {
      const FutexWaiter &waiter = thread->futex_waiter;
      Ref<memory::PageObject> object(waiter.object ? copier.find(*waiter.object) : nullptr);
      Thread *made = copier.find(*thread);
      // futex_waitv(2) and FUTEX_WAIT_REQUEUE_PI look at their words again.
      if (made == nullptr || !waiter.words.empty() || waiter.target.key.owner != nullptr)
        continue;
      if (waiter.lock_owner == nullptr)
        enqueue(*made, copied, waiter.bitset, std::move(object));
      else if (Thread *owner = copier.find(*waiter.lock_owner))
        static_cast<void>(
            enqueue_for_lock(*made, {copied, std::move(object)}, waiter.lock_address, *owner));
    }
  }
}

Result<Ref<UtsNamespace>> UtsNamespace::copy(Copier &copier) const {
  Ref<UtsNamespace> made = make_ref<UtsNamespace>();
  made->id = id;
  made->owner = TINE_TRY(copier.copy(owner));
  made->hostname = hostname;
  made->domain_name = domain_name;
  return made;
}

Result<Ref<Namespaces>> Namespaces::copy(Copier &copier) const {
  Ref<Namespaces> made = make_ref<Namespaces>();
  made->uts = TINE_TRY(copier.copy(uts));
  made->pid = TINE_TRY(copier.copy(pid));
  made->pid_for_children = TINE_TRY(copier.copy(pid_for_children));
  made->ipc = TINE_TRY(copier.copy(ipc));
  made->network = TINE_TRY(copier.copy(network));
  made->cgroup = cgroup;
  return made;
}

Result<Ref<fs::File>> NamespaceFile::make_copy(Copier &copier) {
  Ref<NamespaceFile> made = make_ref<NamespaceFile>(kind_, flag_, number_);
  made->mounts = TINE_TRY(copier.copy(mounts));
  made->uts = TINE_TRY(copier.copy(uts));
  made->pid = TINE_TRY(copier.copy(pid));
  made->ipc = TINE_TRY(copier.copy(ipc));
  made->network = TINE_TRY(copier.copy(network));
  made->user = TINE_TRY(copier.copy(user));
  return Ref<fs::File>(made);
}

Result<Ref<fs::File>> PidFile::make_copy(Copier &copier) {
  return Ref<fs::File>(make_ref<PidFile>(TINE_TRY(copier.copy(process_)), thread_));
}

Status Kernel::copy_into(Kernel &made, Copier &copier) {
  copier.note_counterpart(*this, made);
  copier.note_counterpart(*file_signals, *made.file_signals);
  network.note_first(copier, made.first_network);
  TINE_TRY(made.ipc->copy_from(*ipc, copier));
  TINE_TRY(made.pid_numbers.copy_from(pid_numbers, copier));
  // Before memory, whose System V segments are in their tables.
  for (const auto &[tid, thread] : threads_)
    TINE_TRY(copier.copy(thread->namespaces));
  for (const auto &[pid, process] : processes_) {
    Ref<Process> copied = TINE_TRY(copier.copy(process));
    made.set_group(*copied, process->group);
    made.set_session(*copied, process->session);
    made.add_process(std::move(copied));
  }
  made.mounts = TINE_TRY(copier.copy(mounts));
  for (const auto &[pid, process] : processes_) {
    Process &copied = *copier.find(*process);
    copy_relatives(*process, copied, copier);
    for (const Ref<Thread> &thread : process->threads) {
      Ref<Thread> one = TINE_TRY(copier.copy(thread));
      made.add_thread(*one);
      copied.threads.push_back(std::move(one));
    }
  }
  for (const auto &[tid, thread] : threads_)
    if (thread->vfork_parent)
      copier.find(*thread)->vfork_parent = Ref<Thread>(copier.find(*thread->vfork_parent));
  for (std::size_t stream = 0; stream < console.size(); ++stream)
    made.console[stream] = TINE_TRY(copier.copy(console[stream]));
  TINE_TRY(copier.finish());
  made.futexes->copy_waiters(*futexes, copier);
  made.network.number_like(network);
  return Done{};
}

Result<std::unique_ptr<Kernel>> Kernel::copy_all(fs::StandardStreams &streams,
                                                 fs::ForkRights rights, std::string &refused) {
  auto made = std::make_unique<Kernel>(host, options);
  made->boot_time = boot_time;
  made->monotonic_offset = monotonic_offset;
  made->load = load;
  made->host_pages = host_pages;
  made->hostname = hostname;
  made->domain_name = domain_name;
  made->remembered_settings = remembered_settings;
  made->main_pid = main_pid;
  made->last_pid_ = last_pid_;
  made->pid_max = pid_max;
  {
    Copier copier;
    copier.set_context(streams);
    copier.set_context(rights);
    const Status status = copy_into(*made, copier);
    if (!status) {
      refused = copier.refused();
      return status.error();
    }
  }
  for (const auto &[tid, thread] : made->threads_)
    if (threads_.at(tid)->run_state() == sched::RunState::stopped)
      host.scheduler.remove(*thread, sched::RunState::stopped);
  return made;
}

Result<std::unique_ptr<Kernel>> Kernel::copy(fs::StandardStreams &streams, fs::ForkRights rights,
                                             std::string &refused) {
  auto made = TINE_TRY(copy_all(streams, rights, refused));
  made->start_restored();
  return made;
}

Result<std::unique_ptr<Kernel>> Kernel::copy_to_save(fs::StandardStreams &streams,
                                                     std::string &refused) {
  auto made = TINE_TRY(copy_all(streams, {}, refused));
  made->frozen = true;
  return made;
}

/// A call that blocks is tried again.
void Kernel::start_restored() {
  for (const auto &[tid, thread] : threads_)
    if (thread->run_state() != sched::RunState::stopped)
      host.scheduler.make_runnable(*thread);
}

} // namespace tine::process
