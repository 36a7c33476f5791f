// System V semaphores: semget(2), semop(2), semctl(2).
#include "process/namespaces.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"

#include "process/ipc/ipc_namespace.hpp"

#include <algorithm>

namespace tine::syscall {
namespace {

using process::Semaphores;
using process::SemaphoreSet;
using process::WaitingOperation;

Semaphores &semaphores(Call &call) {
  return process::ipc_of(call.thread).semaphores;
}

Result<SemaphoreSet *> set_of(Call &call, int id) {
  SemaphoreSet *found = semaphores(call).sets().find(id);
  return found != nullptr ? Result<SemaphoreSet *>(found) : Errno{EINVAL};
}

Result<SemaphoreSet *> set_at(Call &call, int index) {
  SemaphoreSet *found = semaphores(call).sets().at_index(index);
  return found != nullptr ? Result<SemaphoreSet *>(found) : Errno{EINVAL};
}

Result<WaitingOperation> read_operations(Call &call, GuestAddress address, u32 count) {
  WaitingOperation result;
  result.thread = call.thread.tid;
  result.process = call.process.pid;
  result.operations.resize(count);
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(result.operations))));
  return result;
}

/// EFBIG, EACCES.
Status check_operations(Call &call, const SemaphoreSet &set, const WaitingOperation &wanted) {
  const auto &steps = wanted.operations;
  if (std::any_of(steps.begin(), steps.end(),
                  [&](const sembuf &step) { return step.sem_num >= set.semaphores.size(); }))
    return Errno{EFBIG};
  const bool changes =
      std::any_of(steps.begin(), steps.end(), [](const sembuf &step) { return step.sem_op != 0; });
  return set.permissions.check(call.thread.credentials, changes ? 0222 : 0444);
}

/// scratch[0]: the ticket of the waiting operation; scratch[1]: how it ended.
SyscallResult go_on_waiting(Call &call, int id) {
  const auto ticket = call.state().scratch[0];
  if (call.state().woken) {
    const auto error = static_cast<int>(call.state().scratch[1]);
    return error == 0 ? SyscallResult(0) : SyscallResult(Errno{error});
  }
  if (!call.timed_out())
    return blocked(Interrupt::no_restart);
  if (SemaphoreSet *set = semaphores(call).sets().find(id))
    semaphores(call).stop_waiting(*set, ticket);
  return Errno{EAGAIN};
}

SyscallResult operate(Call &call, int id, GuestAddress address, u32 count,
                      std::optional<Nanoseconds> timeout) {
  if (call.state().retrying)
    return go_on_waiting(call, id);
  if (count < 1 || id < 0)
    return Errno{EINVAL};
  Semaphores &all = semaphores(call);
  if (count > static_cast<u32>(all.limits.operations))
    return Errno{E2BIG};
  WaitingOperation wanted = TINE_TRY(read_operations(call, address, count));
  SemaphoreSet &set = *TINE_TRY(set_of(call, id));
  TINE_TRY(check_operations(call, set, wanted));
  const auto &steps = wanted.operations;
  if (std::any_of(steps.begin(), steps.end(),
                  [](const sembuf &step) { return (step.sem_flg & SEM_UNDO) != 0; })) {
    if (!call.thread.semaphore_undo)
      call.thread.semaphore_undo = all.make_undo();
    wanted.undo = call.thread.semaphore_undo->number;
  }
  if (const std::optional<Status> done = all.operate(set, wanted)) {
    if (done->ok())
      all.values_changed(set);
    return *done;
  }
  if (timeout)
    call.set_timeout(*timeout);
  wanted.ticket = call.state().scratch[0] = all.new_ticket();
  all.wait(set, std::move(wanted));
  return blocked(Interrupt::no_restart);
}

SyscallResult put_sem_limits(Call &call, int command, GuestAddress address) {
  Semaphores &all = semaphores(call);
  const process::SemaphoreLimits &limits = all.limits;
  seminfo info{};
  info.semmap = info.semmns = limits.total;
  info.semmni = limits.sets;
  info.semmnu = limits.total;
  info.semmsl = limits.per_set;
  info.semopm = info.semume = limits.operations;
  info.semusz = 20;
  info.semvmx = info.semaem = process::largest_semaphore_value;
  if (command == SEM_INFO) {
    info.semusz = static_cast<int>(all.sets().size());
    info.semaem = static_cast<int>(all.total());
  }
  TINE_TRY(call.memory.write_object(address, info));
  return all.sets().highest_index();
}

SyscallResult get_all(Call &call, const SemaphoreSet &set, GuestAddress address) {
  std::vector<u16> values;
  for (const process::Semaphore &semaphore : set.semaphores)
    values.push_back(static_cast<u16>(semaphore.value));
  return call.memory.write(address, std::as_bytes(std::span(values)));
}

SyscallResult set_all(Call &call, SemaphoreSet &set, GuestAddress address) {
  std::vector<u16> values(set.semaphores.size());
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(values))));
  if (std::any_of(values.begin(), values.end(),
                  [](u16 value) { return value > process::largest_semaphore_value; }))
    return Errno{ERANGE};
  for (std::size_t i = 0; i < values.size(); ++i)
    semaphores(call).set_value(set, static_cast<i32>(i), values[i], call.process.pid);
  set.change_time = process::ipc_now();
  semaphores(call).values_changed(set);
  return 0;
}

SyscallResult set_value_of(Call &call, SemaphoreSet &set, int number, int value) {
  if (value < 0 || value > process::largest_semaphore_value)
    return Errno{ERANGE};
  semaphores(call).set_value(set, number, value, call.process.pid);
  set.change_time = process::ipc_now();
  semaphores(call).values_changed(set);
  return 0;
}

/// The commands that ask for read or write permission: values.
SyscallResult control_values(Call &call, SemaphoreSet &set, int number, int command, u64 argument) {
  const bool writes = command == SETVAL || command == SETALL;
  const bool whole = command == GETALL || command == SETALL;
  if (command == SETVAL && (static_cast<int>(argument) < 0 ||
                            static_cast<int>(argument) > process::largest_semaphore_value))
    return Errno{ERANGE};
  if (!whole && (number < 0 || static_cast<std::size_t>(number) >= set.semaphores.size()))
    return Errno{EINVAL};
  TINE_TRY(set.permissions.check(call.thread.credentials, writes ? 0222 : 0444));
  if (command == GETALL)
    return get_all(call, set, GuestAddress{argument});
  if (command == SETALL)
    return set_all(call, set, GuestAddress{argument});
  const process::Semaphore &semaphore = set.semaphores[static_cast<std::size_t>(number)];
  switch (command) {
  case GETVAL:
    return semaphore.value;
  case GETPID:
    return semaphore.last.value;
  case GETNCNT:
    return semaphores(call).count_waiting(set, number, Semaphores::WaitFor::increase);
  case GETZCNT:
    return semaphores(call).count_waiting(set, number, Semaphores::WaitFor::zero);
  default:
    return set_value_of(call, set, number, static_cast<int>(argument));
  }
}

SyscallResult put_sem_state(Call &call, const SemaphoreSet &set, GuestAddress address, int result,
                            bool check) {
  if (check)
    TINE_TRY(set.permissions.check(call.thread.credentials, 0444));
  TINE_TRY(call.memory.write_object(address, set.to_guest()));
  return result;
}

} // namespace

SyscallResult sys_semget(Call &call, int key, int count, int flags) {
  return semaphores(call).get({key, flags}, count, call.thread.credentials);
}

SyscallResult sys_semop(Call &call, int id, GuestAddress operations, u32 count) {
  return operate(call, id, operations, count, std::nullopt);
}

SyscallResult sys_semtimedop(Call &call, int id, GuestAddress operations, u32 count,
                             GuestAddress timeout) {
  if (timeout.is_null())
    return operate(call, id, operations, count, std::nullopt);
  return operate(call, id, operations, count, TINE_TRY(read_timespec(call.memory, timeout)));
}

SyscallResult sys_semctl(Call &call, int id, int number, int command, u64 argument) {
  constexpr int stat_any = 20; // SEM_STAT_ANY
  const GuestAddress address{argument};
  if (id < 0)
    return Errno{EINVAL};
  switch (command) {
  case IPC_INFO:
  case SEM_INFO:
    return put_sem_limits(call, command, address);
  case SEM_STAT:
  case stat_any: {
    const SemaphoreSet &set = *TINE_TRY(set_at(call, id));
    return put_sem_state(call, set, address, set.permissions.id, command == SEM_STAT);
  }
  case IPC_STAT:
    return put_sem_state(call, *TINE_TRY(set_of(call, id)), address, 0, true);
  case GETVAL:
  case GETPID:
  case GETNCNT:
  case GETZCNT:
  case GETALL:
  case SETVAL:
  case SETALL:
    return control_values(call, *TINE_TRY(set_of(call, id)), number, command, argument);
  case IPC_SET: {
    const auto wanted = TINE_TRY(call.memory.read_object<semid_ds>(address));
    SemaphoreSet &set = *TINE_TRY(set_of(call, id));
    TINE_TRY(set.permissions.check_owner(call.thread.credentials));
    TINE_TRY(set.permissions.set(wanted.sem_perm));
    set.change_time = process::ipc_now();
    return 0;
  }
  case IPC_RMID: {
    SemaphoreSet &set = *TINE_TRY(set_of(call, id));
    TINE_TRY(set.permissions.check_owner(call.thread.credentials));
    semaphores(call).remove(set);
    return 0;
  }
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
