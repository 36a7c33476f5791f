#include "box/host_signals.hpp"

#include <csignal>
#include <stdexcept>
#include <sys/epoll.h>

namespace tine::box {
namespace {

/// What another program or the terminal sends to a program. Not SIGPIPE (a write to a closed
/// descriptor of the host is the guest's EPIPE), nor SIGCHLD, nor the faults of tine's own code.
sigset_t forwarded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM})
    sigaddset(&set, signal);
  return set;
}

} // namespace

HostSignals::HostSignals(sched::HostEvents &events, Receive receive)
    : events_(events), receive_(std::move(receive)) {
  const sigset_t signals = forwarded_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // tine reads and writes the terminal whichever group is in the foreground: the box decides.
  ::signal(SIGTTOU, SIG_IGN);
  descriptor_ = UniqueFd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!descriptor_)
    throw std::runtime_error("the host gives no descriptor for signals");
  wait_on(arrived_);
  events_.watch(descriptor_.get(), EPOLLIN, arrived_);
}

HostSignals::~HostSignals() {
  events_.unwatch(descriptor_.get(), arrived_);
}

void HostSignals::woken(sched::WaitQueue &) {
  signalfd_siginfo info{};
  while (::read(descriptor_.get(), &info, sizeof info) == sizeof info)
    receive_(info);
  events_.watch(descriptor_.get(), EPOLLIN, arrived_);
}

} // namespace tine::box
