#include "process/kernel.hpp"

#include "fs/host_files.hpp"
#include "process/aio.hpp"
#include "process/file_signals.hpp"
#include "process/futex.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/lifecycle.hpp"
#include "process/namespaces.hpp"
#include "process/process.hpp"
#include "process/tracer.hpp"

namespace tine::process {

Kernel::Kernel(Host &host_, KernelOptions options_)
    : host(host_), options(std::move(options_)), file_signals(std::make_unique<FileSignals>(*this)),
      boot_time(time::TimerQueue::now()), load(boot_time), hostname(options.hostname),
      futexes(std::make_unique<FutexTable>()), ipc(make_ref<IpcNamespace>(*this)) {}

Kernel::~Kernel() {
  console = {}; // a terminal that goes tells the processes
  for (const auto &[tid, thread] : threads_) {
    host.scheduler.remove(*thread, sched::RunState::dead);
    futexes->remove(*thread);
    thread->vfork_parent = nullptr;
    leave_address_space(*thread);
  }
  for (const auto &[pid, process] : processes_)
    process->threads.clear();
}

Result<Pid> Kernel::allocate_pid() {
  if (threads_.size() >= options.process_limit)
    return Errno{EAGAIN};
  // Linux's first pid after a wrap is 300 (RESERVED_PIDS).
  for (i32 tried = 0; tried < pid_max; ++tried) {
    last_pid_ = last_pid_ + 1 < pid_max ? last_pid_ + 1 : 300;
    if (!is_pid_held(Pid{last_pid_}))
      return Pid{last_pid_};
  }
  return Errno{EAGAIN};
}

void Kernel::release_pid(Pid pid) {
  if (pid_uses_.release(pid) && !pid_numbers.empty())
    leave_pid_namespaces(*this, pid);
}

void Kernel::set_group(Process &process, Pid group) {
  hold_pid(group);
  if (!process.group.is_none())
    release_pid(process.group);
  process.group = group;
}

void Kernel::set_session(Process &process, Pid session) {
  hold_pid(session);
  if (!process.session.is_none())
    release_pid(process.session);
  process.session = session;
}

Process *Kernel::find_process(Pid pid) const {
  const auto entry = processes_.find(pid);
  return entry == processes_.end() ? nullptr : entry->second.get();
}

Thread *Kernel::find_thread(Pid tid) const {
  const auto entry = threads_.find(tid);
  return entry == threads_.end() ? nullptr : entry->second;
}

void Kernel::add_thread(Thread &thread) {
  threads_.emplace(thread.tid, &thread);
  hold_pid(thread.tid);
}

void Kernel::remove_thread(Thread &thread) {
  const auto entry = threads_.find(thread.tid);
  if (entry == threads_.end() || entry->second != &thread)
    return;
  threads_.erase(entry);
  release_pid(thread.tid);
}

void Kernel::add_process(Ref<Process> process) {
  const Pid pid = process->pid;
  hold_pid(pid);
  processes_.emplace(pid, std::move(process));
}

void Kernel::remove_process(Process &process) {
  const Ref<Process> keep(&process);
  release_pid(process.group);
  release_pid(process.session);
  release_pid(process.pid);
  processes_.erase(process.pid);
}

void Kernel::make_reaper(const Ref<fs::FileSystemContext> &fs) {
  if (find_process(reaper_pid) != nullptr)
    return;
  auto process = make_ref<Process>(*this, reaper_pid);
  auto thread = make_ref<Thread>(*this, reaper_pid);
  process->start_time = boot_time;
  process->is_unkillable = true;
  thread->process = process.get();
  thread->name = "init";
  thread->files = make_ref<fs::FdTable>();
  thread->fs = fs->clone();
  thread->handlers = make_ref<SignalHandlers>();
  // "Children … do not become zombies."
  thread->handlers->writable(SIGCHLD).handler = 1;
  take_user_namespace(*thread, nullptr); // with all capabilities
  // Stopped, so that nothing ever puts it on a run queue: it has no code to run.
  host.scheduler.remove(*thread, sched::RunState::stopped);
  process->threads.push_back(thread);
  set_group(*process, reaper_pid);
  set_session(*process, reaper_pid);
  add_process(process);
  add_thread(*thread);
}

} // namespace tine::process
