#include "process/pid_file.hpp"

#include "process/kernel.hpp"

#include <fcntl.h>
#include <poll.h>

namespace tine::process {

PidFile::PidFile(Ref<Process> process) : File(O_RDWR), process_(std::move(process)) {}

u32 PidFile::poll() {
  return process_->is_zombie() ? POLLIN : 0;
}

bool PidFile::is_reaped() const {
  return process_->kernel.find_process(process_->pid) != process_.get();
}

} // namespace tine::process
