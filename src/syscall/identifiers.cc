#include "syscall/identifiers.hpp"

namespace tine::syscall {
namespace {

/// A process's or thread's number; a negative one is a process group's, but -1 is all of them.
u64 translate_pid(const process::Thread &thread, u64 argument) {
  const auto number = static_cast<i32>(argument);
  if (number == 0 || number == -1 || number == INT32_MIN)
    return argument;
  const Pid pid = process::given_pid(thread, Pid{number < 0 ? -number : number});
  return static_cast<u64>(static_cast<i64>(number < 0 ? -pid.value : pid.value));
}

Result<u64> checked(u32 id) {
  return id == fs::no_id ? Result<u64>{Errno{EINVAL}} : Result<u64>{u64{id}};
}

} // namespace

Status translate_arguments(const process::Thread &thread, const Row &row, Call &call) {
  const fs::UserNamespace *users = process::user_namespace_of(thread);
  for (u8 i = 0; i < row.argument_count; ++i) {
    u64 &argument = call.arguments[i];
    const auto id = static_cast<u32>(argument);
    switch (row.arguments[i]) {
    case ArgumentKind::pid:
      argument = translate_pid(thread, argument);
      break;
    case ArgumentKind::user_id:
      if (id != fs::no_id)
        argument = TINE_TRY(checked(fs::user_to_box(users, id)));
      break;
    case ArgumentKind::group_id:
      if (id != fs::no_id)
        argument = TINE_TRY(checked(fs::group_to_box(users, id)));
      break;
    default:
      break;
    }
  }
  return Done{};
}

struct stat shown_status(const Call &call, struct stat status) {
  status.st_uid = shown_user(call, status.st_uid);
  status.st_gid = shown_group(call, status.st_gid);
  return status;
}

} // namespace tine::syscall
