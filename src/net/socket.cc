#include "net/socket.hpp"

#include "net/interface.hpp"
#include "net/network.hpp"

#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace tine::net {
namespace {

/// st_dev of sockfs; any number that no mount has.
constexpr dev_t sockfs_device = 8;

} // namespace

Socket::Socket(Network &network, int domain, int type, int protocol, u32 status_flags)
    : File(O_RDWR | status_flags), network_(&network), domain_(domain), type_(type),
      protocol_(protocol), inode_number_(network.allocate_inode()) {
  network_->sockets.insert(this);
}

Socket::~Socket() {
  network_->sockets.erase(this);
}

Status Socket::listen(int, const Caller &) {
  return Errno{EOPNOTSUPP};
}

Result<Ref<Socket>> Socket::accept(u32) {
  return Errno{EOPNOTSUPP};
}

Result<u64> Socket::read(memory::IoBuffer &to) {
  ReceiveRequest request{to, is_nonblocking() ? static_cast<u32>(MSG_DONTWAIT) : 0, {}, {}, {}, {}};
  return receive(request);
}

Result<u64> Socket::write(memory::IoBuffer &from) {
  SendRequest request{from, is_nonblocking() ? static_cast<u32>(MSG_DONTWAIT) : 0, {}, {}, {}};
  return send(request);
}

Result<struct stat> Socket::stat() {
  struct stat result {};
  result.st_dev = sockfs_device;
  result.st_ino = inode_number_;
  result.st_mode = S_IFSOCK | 0777;
  result.st_nlink = 1;
  result.st_blksize = page_size;
  return result;
}

Result<u64> Socket::ioctl(const fs::IoctlCall &call) {
  const auto write_int = [&](u64 value) -> Result<u64> {
    TINE_TRY(call.space.write_object(GuestAddress{call.argument}, static_cast<i32>(value)));
    return u64{0};
  };
  switch (call.request) {
  case FIONREAD:
    if (is_listening())
      return Errno{EINVAL};
    return write_int(readable_bytes());
  case SIOCOUTQ:
    if (is_listening())
      return Errno{EINVAL};
    return write_int(unsent_bytes());
  case SIOCATMARK:
    return write_int(0);
  default:
    return interface_ioctl(*network_, call);
  }
}

std::string Socket::description() {
  return fmt::format("socket:[{}]", inode_number_);
}

Result<int> option_int(std::span<const std::byte> value) {
  int number = 0;
  if (value.size() < sizeof number)
    return Errno{EINVAL};
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

} // namespace tine::net
