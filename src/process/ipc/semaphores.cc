#include "process/ipc/semaphores.hpp"

#include "process/kernel.hpp"
#include "process/thread.hpp"

#include <algorithm>

namespace tine::process {
namespace {

/// SEMAEM: the largest adjustment.
constexpr i32 largest_adjustment = 32767;

} // namespace

semid_ds SemaphoreSet::to_guest() const {
  semid_ds result{};
  result.sem_perm = permissions.to_guest();
  result.sem_otime = operation_time;
  result.sem_ctime = change_time;
  result.sem_nsems = semaphores.size();
  return result;
}

Result<i32> Semaphores::get(const IpcRequest &request, i32 count, const fs::Credentials &who) {
  if (count < 0 || count > limits.per_set)
    return Errno{EINVAL};
  if (SemaphoreSet *found = TINE_TRY(sets_.look_up(request))) {
    if (static_cast<std::size_t>(count) > found->semaphores.size())
      return Errno{EINVAL};
    TINE_TRY(found->permissions.check(who, static_cast<u32>(request.flags)));
    return found->permissions.id;
  }
  if (count == 0)
    return Errno{EINVAL};
  if (static_cast<i32>(sets_.size()) >= std::min(limits.sets, IpcNumbers::index_limit) ||
      total() + count > limits.total)
    return Errno{ENOSPC};
  known_total_ = total() + count;
  SemaphoreSet &set = sets_.create(request, who);
  set.semaphores.resize(static_cast<std::size_t>(count));
  set.change_time = ipc_now();
  return set.permissions.id;
}

i64 Semaphores::total() {
  if (known_total_)
    return *known_total_;
  i64 sum = 0;
  for (const auto &[index, set] : sets_.all())
    sum += static_cast<i64>(set.semaphores.size());
  known_total_ = sum;
  return sum;
}

std::optional<Status> Semaphores::operate(SemaphoreSet &set, WaitingOperation &operation) {
  // On copies, so that all happens or nothing.
  std::map<u16, i32> values;
  std::vector<i32> adjustments(set.semaphores.size());
  if (const auto known = set.adjustments.find(operation.undo); known != set.adjustments.end())
    adjustments = known->second;
  for (std::size_t i = 0; i < operation.operations.size(); ++i) {
    const sembuf &step = operation.operations[i];
    const auto [entry, fresh] = values.emplace(step.sem_num, set.semaphores[step.sem_num].value);
    const i32 result = entry->second + step.sem_op;
    if ((step.sem_op == 0 && entry->second != 0) || result < 0) {
      operation.blocking = static_cast<u32>(i);
      return (step.sem_flg & IPC_NOWAIT) != 0 ? std::optional<Status>(Errno{EAGAIN}) : std::nullopt;
    }
    if (result > largest_semaphore_value)
      return Errno{ERANGE};
    if ((step.sem_flg & SEM_UNDO) != 0) {
      i32 &adjustment = adjustments[step.sem_num];
      adjustment -= step.sem_op;
      if (adjustment < -largest_adjustment - 1 || adjustment > largest_adjustment)
        return Errno{ERANGE};
    }
    entry->second = result;
  }
  for (const auto &[number, value] : values) {
    set.semaphores[number].value = value;
    set.semaphores[number].last = operation.process;
  }
  if (operation.undo != 0)
    set.adjustments[operation.undo] = std::move(adjustments);
  set.operation_time = ipc_now();
  return Done{};
}

void Semaphores::wait(SemaphoreSet &set, WaitingOperation operation) {
  set.waiting.push_back(std::move(operation));
}

void Semaphores::stop_waiting(SemaphoreSet &set, u64 ticket) {
  set.waiting.remove_if([ticket](const WaitingOperation &one) { return one.ticket == ticket; });
}

Thread *Semaphores::waiter(const WaitingOperation &waiting) const {
  Thread *thread = kernel_.find_thread(waiting.thread);
  return thread != nullptr && thread->syscall_state.scratch[0] == waiting.ticket ? thread : nullptr;
}

void Semaphores::tell(const WaitingOperation &waiting, int error) const {
  Thread *thread = waiter(waiting);
  if (thread == nullptr)
    return;
  thread->syscall_state.woken = true;
  thread->syscall_state.scratch[1] = static_cast<u64>(error);
  thread->wake();
}

void Semaphores::values_changed(SemaphoreSet &set) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto at = set.waiting.begin(); at != set.waiting.end();) {
      if (waiter(*at) == nullptr) { // interrupted meanwhile
        at = set.waiting.erase(at);
        continue;
      }
      const std::optional<Status> done = operate(set, *at);
      if (!done) {
        ++at;
        continue;
      }
      tell(*at, done->ok() ? 0 : static_cast<int>(done->error()));
      changed = changed || done->ok();
      at = set.waiting.erase(at);
    }
  }
}

void Semaphores::set_value(SemaphoreSet &set, i32 index, i32 value, Pid who) {
  const auto number = static_cast<std::size_t>(index);
  set.semaphores[number] = {value, who};
  for (auto &[undo, adjustments] : set.adjustments)
    adjustments[number] = 0;
}

i32 Semaphores::count_waiting(SemaphoreSet &set, i32 index, WaitFor what) {
  const auto counts = [&](const WaitingOperation &waiting) {
    const sembuf &step = waiting.operations[waiting.blocking];
    return step.sem_num == index && (step.sem_op == 0) == (what == WaitFor::zero) &&
           waiter(waiting) != nullptr;
  };
  return static_cast<i32>(std::count_if(set.waiting.begin(), set.waiting.end(), counts));
}

void Semaphores::remove(SemaphoreSet &set) {
  for (const WaitingOperation &waiting : set.waiting)
    tell(waiting, EIDRM);
  known_total_.reset();
  sets_.remove(set.permissions.id);
}

void Semaphores::apply_undo(const SemaphoreUndo &undo, Pid who) {
  for (auto &[index, set] : sets_.all()) {
    const auto found = set.adjustments.find(undo.number);
    if (found == set.adjustments.end())
      continue;
    const std::vector<i32> adjustments = std::move(found->second);
    set.adjustments.erase(found);
    for (std::size_t i = 0; i < adjustments.size(); ++i) {
      if (adjustments[i] == 0)
        continue;
      // semop(2), BUGS: "the kernel … performs as much of the operation as possible".
      Semaphore &semaphore = set.semaphores[i];
      semaphore.value = std::clamp(semaphore.value + adjustments[i], 0, largest_semaphore_value);
      semaphore.last = who;
    }
    set.operation_time = ipc_now();
    values_changed(set);
  }
}

} // namespace tine::process
