#include "process/signal_types.hpp"

#include <algorithm>
#include <bit>

namespace tine::process {

Ref<SignalHandlers> SignalHandlers::clone() const {
  return Ref<SignalHandlers>(new SignalHandlers(actions_));
}

SignalAction &SignalHandlers::writable(int signal) {
  if (actions_.use_count() > 1)
    actions_ = std::make_shared<Actions>(*actions_);
  return (*actions_)[static_cast<std::size_t>(signal - 1)];
}

void SignalHandlers::reset_caught() {
  constexpr u64 ignore = 1; // SIG_IGN
  auto reset = std::make_shared<Actions>();
  for (std::size_t index = 0; index < reset->size(); ++index)
    if ((*actions_)[index].handler == ignore)
      (*reset)[index].handler = ignore;
  actions_ = std::move(reset);
}

void PendingSignals::add(const siginfo_t &info) {
  // signal(7): "if multiple instances of a standard signal are generated while blocked, only one is
  // delivered"; real-time signals queue.
  if (info.si_signo < first_real_time_signal && set_.contains(info.si_signo))
    return;
  queue_.push_back(info);
  set_.add(info.si_signo);
}

bool PendingSignals::take(SignalSet allowed, siginfo_t &info) {
  SignalSet candidates = set_ & allowed;
  if (candidates.empty())
    return false;
  if (const SignalSet faults = candidates & synchronous_signals; !faults.empty())
    candidates = faults;
  const int signal = std::countr_zero(candidates.bits) + 1;
  const auto is_signal = [signal](const siginfo_t &queued) { return queued.si_signo == signal; };
  const auto found = std::find_if(queue_.begin(), queue_.end(), is_signal);
  info = *found;
  queue_.erase(found);
  if (std::none_of(queue_.begin(), queue_.end(), is_signal))
    set_.remove(signal);
  return true;
}

void PendingSignals::discard(SignalSet signals) {
  if ((set_ & signals).empty())
    return;
  std::erase_if(queue_, [&](const siginfo_t &queued) { return signals.contains(queued.si_signo); });
  set_ = set_ & ~signals;
}

} // namespace tine::process
