#include "process/thread.hpp"

#include "process/aio.hpp"
#include "process/ipc/semaphores.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/process.hpp"
#include "process/timers.hpp"

namespace tine::process {

Thread::Thread(Kernel &kernel_, Pid tid_)
    : kernel(kernel_), tid(tid_), timeout(kernel_.host.timers, [this] {
        syscall_state.timed_out = true;
        wake();
      }) {}

Thread::~Thread() = default;

void Thread::woken(sched::WaitQueue &) {
  wake();
}

void Thread::wake() {
  // A stopped thread looks again when it is continued.
  if (run_state() == sched::RunState::blocked)
    kernel.host.scheduler.make_runnable(*this);
}

void Thread::notify() {
  if (run_state() == sched::RunState::running)
    kernel.host.scheduler.kick(*this);
  else
    wake();
}

bool Thread::has_deliverable_signal() const {
  if (must_exit)
    return true;
  // A traced thread may run although its process is stopped.
  if (trace && !trace->tracer.is_none() ? trace->job_control_pending() : process->stopped)
    return true;
  return !((pending.set() | process->pending.set()) & ~signal_mask).empty();
}

Process::Process(Kernel &kernel_, Pid pid_) : kernel(kernel_), pid(pid_) {}
Process::~Process() = default;

} // namespace tine::process
