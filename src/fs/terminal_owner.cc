#include "fs/terminal.hpp"

#include "fs/caller.hpp"
#include "fs/ioctl.hpp"

#include <csignal>

namespace tine::fs {
namespace {

Status take_terminal(TerminalOwner &owner, Caller &caller, const Ref<File> &terminal) {
  if (owner.session == caller.session())
    return Done{};
  // "The calling process must be a session leader and not have a controlling terminal already."
  if (caller.session() != caller.process() || caller.controlling_terminal())
    return Errno{EPERM};
  if (!owner.session.is_none())
    return Errno{EPERM};
  owner.session = caller.session();
  owner.foreground = caller.group();
  caller.set_controlling_terminal(terminal);
  return Done{};
}

} // namespace

std::optional<Result<u64>> TerminalOwner::ioctl(const IoctlCall &call, const Ref<File> &terminal) {
  Caller *caller = current_caller();
  if (!caller)
    return std::nullopt;
  const bool is_mine = !session.is_none() && session == caller->session();
  switch (call.request) {
  case TIOCGPGRP:
    return is_mine ? put_int(call, caller->shown(foreground).value) : Errno{ENOTTY};
  case TIOCGSID:
    return is_mine ? put_int(call, caller->shown(session).value) : Errno{ENOTTY};
  case TIOCSPGRP: {
    const Result<int> group = get_object<int>(call);
    if (!group)
      return Result<u64>(group.error());
    if (!is_mine)
      return Result<u64>(Errno{ENOTTY});
    if (*group < 0)
      return Result<u64>(Errno{EINVAL});
    const Pid wanted = caller->given(Pid{*group});
    if (!caller->group_in_session(wanted, session))
      return Result<u64>(Errno{EPERM});
    if (const Status allowed = check(Use::change, true); !allowed)
      return Result<u64>(allowed.error());
    foreground = wanted;
    return Result<u64>(u64{0});
  }
  case TIOCSCTTY: {
    const Status taken = take_terminal(*this, *caller, terminal);
    return taken ? Result<u64>(u64{0}) : taken.error();
  }
  case TIOCNOTTY:
    if (!is_mine)
      return Result<u64>(Errno{ENOTTY});
    if (caller->session() == caller->process()) {
      caller->signal_group(foreground, SIGHUP);
      caller->signal_group(foreground, SIGCONT);
      session = foreground = Pid{};
    }
    caller->set_controlling_terminal(nullptr);
    return Result<u64>(u64{0});
  default:
    return std::nullopt;
  }
}

Status TerminalOwner::check(Use use, bool stops_output) const {
  const Caller *caller = current_caller();
  if (!caller || session.is_none() || session != caller->session() ||
      caller->group() == foreground || foreground.is_none())
    return Done{};
  if (use == Use::read) {
    if (caller->disregards(SIGTTIN))
      return Errno{EIO};
    caller->signal_group(caller->group(), SIGTTIN);
    return Errno{ERESTART};
  }
  if ((use == Use::write && !stops_output) || caller->disregards(SIGTTOU))
    return Done{};
  caller->signal_group(caller->group(), SIGTTOU);
  return Errno{ERESTART};
}

} // namespace tine::fs
