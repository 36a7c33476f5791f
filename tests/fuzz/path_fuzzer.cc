// Paths of /proc, /sys, /dev and the tree over them, with what can be done to what they name. The
// input is lines of an operation's letter and a path, for what is written a second line.
#include "fuzz/input.hpp"
#include "fuzz/kernel_world.hpp"

#include <fcntl.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>

using namespace tine;
using fuzz::KernelWorld;

namespace {

constexpr u64 path_at = KernelWorld::data.value, buffer_at = path_at + 2 * page_size,
              buffer_size = 2 * page_size;

u64 put_path(KernelWorld &world, const std::string &path) {
  const std::string text = path.substr(0, 2 * page_size - 1) + '\0';
  fuzz::require(
      world.thread().memory->write(GuestAddress{path_at}, std::as_bytes(std::span(text))).ok(),
      "path");
  return path_at;
}

/// Everything that can be read, once from the start and once from the middle; entries of a
/// directory.
void read_all(KernelWorld &world, u64 fd) {
  for (int tries = 0; tries < 8; ++tries)
    if (world.call(SYS_read, {fd, buffer_at, buffer_size}).value_or(0) <= 0)
      break;
  world.call(SYS_pread64, {fd, buffer_at, 7, 11});
  world.call(SYS_getdents64, {fd, buffer_at, buffer_size});
}

void run(KernelWorld &world, char operation, const std::string &path, const std::string &text) {
  const u64 name = put_path(world, path), here = static_cast<u64>(AT_FDCWD);
  switch (operation) {
  case 'w': {
    const auto fd = world.call(SYS_openat, {here, name, O_RDWR});
    if (fd.value_or(-1) < 0)
      return;
    put_path(world, text);
    world.call(SYS_write, {static_cast<u64>(*fd), path_at, text.size()});
    world.call(SYS_ftruncate, {static_cast<u64>(*fd), text.size()});
    world.call(SYS_close, {static_cast<u64>(*fd)});
    return;
  }
  case 'l':
    world.call(SYS_readlinkat, {here, name, buffer_at, text.size()});
    return;
  case 's':
    world.call(SYS_newfstatat, {here, name, buffer_at, 0});
    world.call(SYS_statx, {here, name, AT_SYMLINK_NOFOLLOW, 0xfff, buffer_at});
    return;
  case 'm':
    world.call(SYS_mkdirat, {here, name, 0700});
    return;
  case 'd':
    world.call(SYS_chdir, {name});
    return;
  case 'u':
    world.call(SYS_unlinkat, {here, name, text.size() % 2 == 0 ? 0 : u64{AT_REMOVEDIR}});
    return;
  default: {
    const auto fd = world.call(SYS_openat, {here, name, O_RDONLY | O_NONBLOCK});
    if (fd.value_or(-1) < 0)
      return;
    read_all(world, static_cast<u64>(*fd));
    world.call(SYS_close, {static_cast<u64>(*fd)});
  }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  const KernelGuard guard(fuzz::HostWorld::instance().lock);
  KernelWorld world;
  std::istringstream lines(std::string(data, data + size));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty())
      continue;
    std::string text;
    if (line[0] == 'w' || line[0] == 'l' || line[0] == 'u')
      std::getline(lines, text);
    run(world, line[0], line.substr(1), text);
  }
  return 0;
}
