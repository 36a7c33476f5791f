// Names of AF_UNIX sockets in the file system: the inode is only a name; Network says whose.
#include "fs/dentry.hpp"
#include "net/unix_socket.hpp"

#include <sys/stat.h>

namespace tine::net {

Result<Ref<RefCounted>> make_socket_node(const Caller &caller, const std::string &path, u32 mode) {
  fs::CreateRequest request;
  request.mode = S_IFSOCK | mode;
  const Result<fs::Path> made =
      fs::make_node({caller.fs, caller.credentials}, caller.fs.working_directory, path, request);
  if (!made)
    return made.error() == Errno{EEXIST} ? Errno{EADDRINUSE} : made.error();
  return Ref<RefCounted>(made->dentry->inode());
}

Result<Ref<RefCounted>> find_socket_node(const Caller &caller, const std::string &path) {
  const fs::Path found =
      TINE_TRY(fs::lookup(caller.fs, caller.credentials, caller.fs.working_directory, path, {}));
  const Ref<fs::Inode> &inode = found.dentry->inode();
  constexpr u32 write_permission = 2;
  TINE_TRY(fs::check_permission(caller.credentials, *inode, write_permission));
  if (inode->type() != S_IFSOCK)
    return Errno{ECONNREFUSED};
  return Ref<RefCounted>(inode);
}

} // namespace tine::net
