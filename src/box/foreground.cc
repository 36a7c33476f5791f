#include "box/foreground.hpp"

#include "base/log.hpp"
#include "fs/terminal.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

namespace tine::box {
namespace {

/// A stream that leads to the caller's terminal makes it the controlling terminal of the first
/// process.
void take_terminal(process::Process &process) {
  const fs::FdTable &files = *process.leader()->files;
  for (const int fd : files.open_descriptors()) {
    const auto stream = ref_cast<fs::HostStream>(*files.get(fd));
    if (!stream || !stream->is_terminal())
      continue;
    process.terminal = stream;
    fs::host_terminal_owner() = {process.session, process.group};
    return;
  }
}

void forward_to(Box &box, const signalfd_siginfo &info) {
  process::Process &first = box.first_process();
  if (first.is_zombie())
    return;
  siginfo_t sent = process::kernel_signal(static_cast<int>(info.ssi_signo));
  if (info.ssi_code == SI_KERNEL) {
    const Pid group = fs::host_terminal_owner().foreground;
    process::send_signal_to_group(box.kernel(), group.is_none() ? first.group : group, sent);
    return;
  }
  // "the si_pid field is set to 0" when the sender has no number in the receiver's pid space.
  sent.si_code = info.ssi_code;
  sent.si_pid = 0;
  sent.si_uid = info.ssi_uid;
  if (info.ssi_code == SI_QUEUE)
    sent.si_value.sival_ptr = reinterpret_cast<void *>(info.ssi_ptr);
  process::send_signal(first, sent);
}

} // namespace

Foreground::Foreground(Runtime &runtime)
    : runtime_(runtime), null_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (!null_)
    throw std::runtime_error("/dev/null can't be opened");
}

Foreground::~Foreground() {
  const KernelGuard guard(runtime_.host().lock);
  requests_.clear();
  for (Member &member : boxes_)
    member.control = nullptr;
  signals_ = nullptr;
}

std::optional<StartFailure> Foreground::start(BoxOptions options) {
  const auto control = make_ref<fs::BoxControl>(request, this);
  options.control = control;
  auto box = std::make_unique<Box>(runtime_);
  if (auto failure = box->start(options))
    return failure;
  const KernelGuard guard(runtime_.host().lock);
  options.control = nullptr;
  take_terminal(box->first_process());
  add(std::move(box), control);
  signals_ = std::make_unique<HostSignals>(
      runtime_.host().events, [this](const signalfd_siginfo &info) { forward_signal(info); });
  return std::nullopt;
}

Foreground::Member::Member(Foreground &foreground_, std::unique_ptr<Box> box_,
                           Ref<fs::BoxControl> control_)
    : foreground(foreground_), box(std::move(box_)), control(std::move(control_)) {
  wait_on(box->first_process().exited);
}

void Foreground::Member::woken(sched::WaitQueue &queue) {
  leave(queue);
  if (place != foreground.boxes_.begin())
    foreground.ended_.push_back(this);
}

void Foreground::add(std::unique_ptr<Box> box, Ref<fs::BoxControl> control) {
  Member &made = boxes_.emplace_back(*this, std::move(box), std::move(control));
  made.place = std::prev(boxes_.end());
  if (made.box->first_process().is_zombie()) // before it was listened to
    made.woken(made.box->first_process().exited);
}

void Foreground::request(void *self, fs::BoxControl &control) {
  auto &foreground = *static_cast<Foreground *>(self);
  foreground.requests_.emplace_back(&control);
  foreground.runtime_.notify();
}

int Foreground::wait() {
  process::Process &first = original().first_process();
  const auto has_stopped = [&] { return first.stopped && !first.stop_pending; };
  for (;;) {
    runtime_.wait_until([&] {
      return !requests_.empty() || has_stopped() || !ended_.empty() ||
             (boxes_.size() == 1 && first.is_zombie());
    });
    remove_ended_forks();
    carry_out_requests();
    {
      const KernelGuard guard(runtime_.host().lock);
      if (boxes_.size() == 1 && first.is_zombie())
        return first.exit_status;
      if (!has_stopped())
        continue;
    }
    // The program stopped, as a job of the caller's shell does: so does tine, until it is
    // continued.
    ::kill(::getpid(), SIGSTOP);
    const KernelGuard guard(runtime_.host().lock);
    process::send_signal(first, process::kernel_signal(SIGCONT));
  }
}

/// With the processes that are left in them.
void Foreground::remove_ended_forks() {
  std::vector<std::unique_ptr<Box>> ended; // they take the lock themselves when they go
  const KernelGuard guard(runtime_.host().lock);
  for (Member *member : std::exchange(ended_, {})) {
    ended.push_back(std::move(member->box));
    boxes_.erase(member->place);
  }
}

void Foreground::carry_out_requests() {
  std::vector<Ref<fs::BoxControl>> requests;
  {
    const KernelGuard guard(runtime_.host().lock);
    requests = std::exchange(requests_, {});
  }
  for (Ref<fs::BoxControl> &control : requests) {
    carry_out(control);
    const KernelGuard guard(runtime_.host().lock);
    control = nullptr;
  }
}

/// One fork answers all threads of the box that had asked by then.
void Foreground::carry_out(const Ref<fs::BoxControl> &control) {
  const auto asking = std::find_if(boxes_.begin(), boxes_.end(),
                                   [&](const Member &member) { return member.control == control; });
  {
    const KernelGuard guard(runtime_.host().lock);
    if (asking == boxes_.end() || !control->is_asked())
      return;
  }
  const bool has_room = boxes_.size() < most_boxes;
  if (has_room && add_fork(*asking))
    return;
  const KernelGuard guard(runtime_.host().lock);
  control->refuse(Errno{has_room ? ENOTSUP : ENOSPC});
}

/// False after it was said why not.
bool Foreground::add_fork(Member &original) {
  fs::StandardStreams streams;
  streams.descriptors[STDIN_FILENO] = UniqueFd(::fcntl(null_.get(), F_DUPFD_CLOEXEC, 3));
  auto forked = original.box->fork(std::move(streams));
  if (auto *failure = std::get_if<StartFailure>(&forked)) {
    log::error("{}", failure->message);
    return false;
  }
  const KernelGuard guard(runtime_.host().lock);
  add(std::move(std::get<std::unique_ptr<Box>>(forked)),
      original.control->answer_fork(++last_number_));
  return true;
}

void Foreground::forward_signal(const signalfd_siginfo &info) {
  for (const Member &member : boxes_)
    forward_to(*member.box, info);
}

} // namespace tine::box
