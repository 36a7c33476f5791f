#include "process/pid_file.hpp"

#include "process/kernel.hpp"

#include <fcntl.h>
#include <poll.h>

namespace tine::process {

PidFile::PidFile(Ref<Process> process, Pid thread)
    : File(O_RDWR), process_(std::move(process)), thread_(thread) {}

u32 PidFile::poll() {
  if (is_reaped())
    return POLLIN | POLLRDNORM | POLLHUP;
  return living_thread() == nullptr ? POLLIN | POLLRDNORM : 0;
}

Thread *PidFile::living_thread() const {
  if (!is_of_thread())
    return process_->leader();
  Thread *thread = process_->kernel.find_thread(thread_);
  return thread != nullptr && thread->process == process_.get() ? thread : nullptr;
}

bool PidFile::is_reaped() const {
  // A thread that isn't its process's first is waited for by nobody.
  if (is_of_thread() && thread_ != process_->pid)
    return living_thread() == nullptr;
  return process_->kernel.find_process(process_->pid) != process_.get();
}

} // namespace tine::process
