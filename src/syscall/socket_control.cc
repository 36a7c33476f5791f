// Ancillary data of sendmsg(2) and recvmsg(2): cmsg(3), unix(7).
#include "syscall/identifiers.hpp"
#include "syscall/socket_support.hpp"

#include <algorithm>
#include <cstring>
#include <linux/capability.h>

namespace tine::syscall {
namespace {

constexpr u64 largest_control = 20480;     ///< net.core.optmem_max
constexpr std::size_t maximum_files = 253; ///< SCM_MAX_FD

Status take_files(Call &call, std::span<const std::byte> data, SentControl &control) {
  const std::size_t count = data.size() / sizeof(int);
  if (control.files.size() + count > maximum_files)
    return Errno{EINVAL};
  for (std::size_t i = 0; i < count; ++i) {
    int fd;
    std::memcpy(&fd, data.data() + i * sizeof fd, sizeof fd);
    control.files.push_back(TINE_TRY(call.thread.files->get(fd)));
  }
  return Done{};
}

/// unix(7): a process may name its own ids; CAP_SYS_ADMIN may name any pid, CAP_SETUID and
/// CAP_SETGID any ids.
Status take_credentials(Call &call, std::span<const std::byte> data, SentControl &control) {
  net::UnixCredentials sent;
  if (data.size() != sizeof sent)
    return Errno{EINVAL};
  std::memcpy(&sent, data.data(), sizeof sent);
  const fs::Credentials &own = call.thread.credentials;
  sent.pid = given(call, sent.pid).value;
  sent.uid = fs::user_to_box(own.user_namespace.get(), sent.uid);
  sent.gid = fs::group_to_box(own.user_namespace.get(), sent.gid);
  const bool pid_ok = sent.pid == call.process.pid.value || own.capable_here(CAP_SYS_ADMIN);
  const bool uid_ok = sent.uid == own.uid || sent.uid == own.euid || sent.uid == own.suid ||
                      own.capable_here(CAP_SETUID);
  const bool gid_ok = sent.gid == own.gid || sent.gid == own.egid || sent.gid == own.sgid ||
                      own.capable_here(CAP_SETGID);
  if (!pid_ok || !uid_ok || !gid_ok)
    return Errno{EPERM};
  if (!call.kernel.find_process(Pid{sent.pid}))
    return Errno{ESRCH};
  control.credentials = sent;
  return Done{};
}

/// Appends control messages to a guest's buffer until it is full.
class ControlWriter {
public:
  ControlWriter(Call &call, msghdr &message)
      : call_(call), message_(message),
        room_(message.msg_controllen), at_{reinterpret_cast<u64>(message.msg_control)} {}

  [[nodiscard]] u64 room() const { return room_; }

  /// A message that doesn't fit is cut, and MSG_CTRUNC says so: put_cmsg.
  Status put(int level, int type, std::span<const std::byte> data) {
    if (room_ < sizeof(cmsghdr)) {
      message_.msg_flags |= MSG_CTRUNC;
      return Done{};
    }
    if (room_ < CMSG_LEN(data.size())) {
      message_.msg_flags |= MSG_CTRUNC;
      data = data.first(room_ - sizeof(cmsghdr));
    }
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(data.size());
    header.cmsg_level = level;
    header.cmsg_type = type;
    TINE_TRY(call_.memory.write(at_, std::as_bytes(std::span(&header, 1)).first(sizeof(cmsghdr))));
    TINE_TRY(call_.memory.write(at_ + CMSG_LEN(0), data));
    const u64 space = std::min<u64>(CMSG_SPACE(data.size()), room_);
    at_ = at_ + space;
    room_ -= space;
    return Done{};
  }

private:
  Call &call_;
  msghdr &message_;
  u64 room_;
  GuestAddress at_;
};

Status put_files(Call &call, msghdr &message, ControlWriter &writer,
                 const std::vector<Ref<fs::File>> &files) {
  const u64 fits =
      writer.room() < sizeof(cmsghdr) ? 0 : (writer.room() - sizeof(cmsghdr)) / sizeof(int);
  const bool close_on_exec = (message.msg_flags & MSG_CMSG_CLOEXEC) != 0;
  std::vector<int> descriptors;
  for (const Ref<fs::File> &file : files) {
    if (descriptors.size() == fits)
      break;
    const Result<int> fd = install(call, file, close_on_exec);
    if (!fd)
      break;
    descriptors.push_back(*fd);
  }
  if (descriptors.size() < files.size())
    message.msg_flags |= MSG_CTRUNC;
  if (descriptors.empty())
    return Done{};
  return writer.put(SOL_SOCKET, SCM_RIGHTS, std::as_bytes(std::span(descriptors)));
}

} // namespace

Result<SentControl> read_control(Call &call, const msghdr &message) {
  SentControl control;
  if (!message.msg_control || message.msg_controllen == 0)
    return control;
  if (message.msg_controllen > largest_control)
    return Errno{ENOBUFS};
  std::vector<std::byte> bytes(message.msg_controllen);
  TINE_TRY(call.memory.read(GuestAddress{reinterpret_cast<u64>(message.msg_control)}, bytes));
  for (std::size_t at = 0; at + sizeof(cmsghdr) <= bytes.size();) {
    cmsghdr header;
    std::memcpy(static_cast<void *>(&header), bytes.data() + at, sizeof(cmsghdr));
    if (header.cmsg_len < sizeof(cmsghdr) || header.cmsg_len > bytes.size() - at)
      return Errno{EINVAL};
    const auto data = std::span<const std::byte>(bytes).subspan(at + sizeof(cmsghdr),
                                                                header.cmsg_len - sizeof(cmsghdr));
    if (header.cmsg_level == SOL_SOCKET) {
      if (header.cmsg_type == SCM_RIGHTS)
        TINE_TRY(take_files(call, data, control));
      else if (header.cmsg_type == SCM_CREDENTIALS)
        TINE_TRY(take_credentials(call, data, control));
      else
        return Errno{EINVAL};
    }
    at += CMSG_ALIGN(header.cmsg_len);
  }
  return control;
}

net::UnixCredentials shown_credentials(const Call &call, net::UnixCredentials ids) {
  return {shown(call, Pid{ids.pid}), shown_user(call, ids.uid), shown_group(call, ids.gid)};
}

Status write_control(Call &call, msghdr &message, net::ReceiveRequest &received,
                     bool pass_credentials) {
  const u64 before = message.msg_controllen;
  if (!message.msg_control) {
    if (pass_credentials || !received.files.empty())
      message.msg_flags |= MSG_CTRUNC;
    message.msg_controllen = 0;
    return Done{};
  }
  ControlWriter writer(call, message);
  for (const net::ControlMessage &control : received.control)
    TINE_TRY(writer.put(control.level, control.type, control.data));
  if (pass_credentials) {
    const net::UnixCredentials credentials =
        shown_credentials(call, received.credentials.value_or(net::UnixCredentials{}));
    TINE_TRY(writer.put(SOL_SOCKET, SCM_CREDENTIALS, std::as_bytes(std::span(&credentials, 1))));
  }
  if (!received.files.empty())
    TINE_TRY(put_files(call, message, writer, received.files));
  message.msg_controllen = before - writer.room();
  return Done{};
}

} // namespace tine::syscall
