#include "process/file_signals.hpp"

#include "process/kernel.hpp"
#include "process/settings.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>

namespace tine::process {
namespace {

/// si_band, "the same as the bit mask that is set by the poll(2) system call" (sigaction(2)).
long band_of(int code) {
  switch (code) {
  case POLL_IN:
    return POLLIN | POLLRDNORM;
  case POLL_OUT:
    return POLLOUT | POLLWRNORM | POLLWRBAND;
  case POLL_MSG:
    return POLLIN | POLLRDNORM | POLLMSG;
  case POLL_ERR:
    return POLLERR;
  case POLL_PRI:
    return POLLPRI | POLLRDBAND;
  default:
    return POLLHUP | POLLERR;
  }
}

/// As kill(2) checks it, for the ids of who chose the owner.
bool may_tell(const fs::AsyncOwner &owner, const Thread &target) {
  const fs::Credentials &to = target.credentials;
  return owner.euid == 0 || owner.euid == to.suid || owner.euid == to.uid || owner.uid == to.suid ||
         owner.uid == to.uid;
}

/// "If the signal queue is full … SIGIO is sent instead" (fcntl(2), F_SETSIG).
template <typename Target>
void tell(const fs::AsyncOwner &owner, const Thread &leader, Target &target,
          const fs::AsyncEvent &event) {
  if (!may_tell(owner, leader))
    return;
  if (event.signal != 0) {
    siginfo_t info{};
    info.si_signo = event.signal;
    info.si_code = event.signal == SIGCHLD || event.signal == SIGTRAP ? SI_SIGIO : event.code;
    info.si_fd = event.fd;
    info.si_band = band_of(event.code);
    if (queue_signal(target, info))
      return;
  }
  send_signal(target, kernel_signal(SIGIO));
}

} // namespace

void FileSignals::send(const fs::AsyncOwner &owner, const fs::AsyncEvent &event) {
  switch (owner.kind) {
  case fs::AsyncOwner::Kind::thread:
    if (Thread *thread = kernel_.find_thread(owner.id))
      tell(owner, *thread, *thread, event);
    break;
  case fs::AsyncOwner::Kind::process:
    if (Process *process = kernel_.find_process(owner.id); process && process->leader())
      tell(owner, *process->leader(), *process, event);
    break;
  case fs::AsyncOwner::Kind::group: {
    std::vector<Ref<Process>> members;
    for (const auto &[pid, process] : kernel_.processes())
      if (process->group == owner.id && process->leader())
        members.push_back(process);
    for (const Ref<Process> &process : members)
      tell(owner, *process->leader(), *process, event);
    break;
  }
  }
}

Nanoseconds FileSignals::lease_break_time() const {
  const u64 seconds = setting_number(kernel_, "fs/lease-break-time", 45);
  return static_cast<Nanoseconds>(std::min<u64>(seconds, 1'000'000)) * 1'000'000'000;
}

} // namespace tine::process
