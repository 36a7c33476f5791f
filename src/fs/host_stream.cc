#include "fs/host_stream.hpp"

#include "fs/ioctl.hpp"

#include <algorithm>
#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tine::fs {
namespace {

// POLLOUT of a pipe promises room for this much: a write of no more doesn't block.
constexpr std::size_t sure_write = 4096; // PIPE_BUF

Result<u64> host_result(ssize_t count) {
  if (count < 0)
    return Errno{errno == EWOULDBLOCK ? EAGAIN : errno};
  return static_cast<u64>(count);
}

} // namespace

TerminalOwner &host_terminal_owner() {
  static TerminalOwner owner;
  return owner;
}

HostStream::HostStream(UniqueFd fd, int role, u32 flags, const StreamHost &host, std::string name)
    : File(flags), host_(describe(std::move(fd), flags)), role_(role), resources_(host),
      name_(std::move(name)) {}

HostStream::HostStream(std::shared_ptr<StreamDescriptor> host, const HostStream &other, u32 flags)
    : File(flags), host_(std::move(host)), role_(other.role_), resources_(other.resources_),
      name_(other.name_) {}

std::shared_ptr<StreamDescriptor> HostStream::describe(UniqueFd fd, u32 flags) {
  auto made = std::make_shared<StreamDescriptor>();
  made->given = std::move(fd);
  const int given = made->given.get();
  struct stat status {};
  if (::fstat(given, &status) != 0)
    return made;
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode))
    made->kind = Kind::seekable;
  else if (S_ISSOCK(status.st_mode))
    made->kind = Kind::socket;
  else if (S_ISCHR(status.st_mode) && ::isatty(given) == 1)
    made->kind = Kind::terminal;
  else if (S_ISCHR(status.st_mode) && ::lseek(given, 0, SEEK_CUR) >= 0)
    made->kind = Kind::seekable; // /dev/null and the like: never wait
  if (made->kind != Kind::terminal && !S_ISFIFO(status.st_mode))
    return made;
  // Non-blocking for us only: the caller's description stays as it is.
  const std::string link = std::string("/proc/self/fd/").append(std::to_string(given));
  made->own = UniqueFd(::open(link.c_str(), static_cast<int>(flags & O_ACCMODE) | O_NONBLOCK |
                                                O_NOCTTY | O_CLOEXEC));
  return made;
}

HostStream::~HostStream() {
  resources_.events.unwatch(host_->fd(), changed_);
}

/// EAGAIN if the host descriptor isn't ready.
Status HostStream::ready(short events) const {
  pollfd entry{host_->fd(), events, 0};
  return ::poll(&entry, 1, 0) == 0 ? Errno{EAGAIN} : Status(Done{});
}

Result<u64> HostStream::read(memory::IoBuffer &to) {
  if (host_->pages != nullptr)
    TINE_TRY(host_->pages->write_back(0, ~u64{0}));
  if (host_->kind == Kind::terminal)
    TINE_TRY(host_terminal_owner().check(TerminalOwner::Use::read, false));
  u64 done = 0;
  while (to.remaining() > 0) {
    if (host_->kind != Kind::seekable) {
      const Status is_ready = ready(POLLIN);
      if (!is_ready)
        return done > 0 ? Result<u64>(done) : is_ready.error();
    }
    const auto piece = to.window(memory::Access::write);
    if (!piece)
      return done > 0 ? Result<u64>(done) : piece.error();
    const Result<u64> count = host_result(::read(host_->fd(), piece->data(), piece->size()));
    if (!count)
      return done > 0 ? Result<u64>(done) : count.error();
    to.advance(*count);
    done += *count;
    if (*count < piece->size() || host_->kind == Kind::terminal)
      break;
  }
  return done;
}

Result<u64> HostStream::write(memory::IoBuffer &from) {
  if (host_->kind == Kind::terminal) {
    struct termios modes {};
    const bool stops = ::ioctl(host_->fd(), TCGETS, &modes) == 0 && (modes.c_lflag & TOSTOP) != 0;
    TINE_TRY(host_terminal_owner().check(TerminalOwner::Use::write, stops));
  }
  u64 done = 0;
  while (from.remaining() > 0) {
    std::size_t limit = ~std::size_t{0};
    if (host_->kind != Kind::seekable && !host_->own) {
      const Status is_ready = ready(POLLOUT);
      if (!is_ready)
        return done > 0 ? Result<u64>(done) : is_ready.error();
      limit = sure_write;
    }
    const auto piece = from.window(memory::Access::read, limit);
    if (!piece)
      return done > 0 ? Result<u64>(done) : piece.error();
    const ssize_t size =
        host_->kind == Kind::socket
            ? ::send(host_->fd(), piece->data(), piece->size(), MSG_DONTWAIT | MSG_NOSIGNAL)
            : ::write(host_->fd(), piece->data(), piece->size());
    const Result<u64> count = host_result(size);
    if (!count)
      return done > 0 ? Result<u64>(done) : count.error();
    from.advance(*count);
    if (host_->pages != nullptr) // the offset is behind what was written, with O_APPEND too
      host_->pages->refresh(static_cast<u64>(::lseek(host_->fd(), 0, SEEK_CUR)) - *count, *count);
    done += *count;
    if (*count < piece->size())
      break;
  }
  return done;
}

Result<u64> HostStream::read_at(memory::IoBuffer &to, u64 at) {
  if (host_->kind != Kind::seekable)
    return Errno{ESPIPE};
  if (host_->pages != nullptr)
    TINE_TRY(host_->pages->write_back(0, ~u64{0}));
  const auto piece = TINE_TRY(to.window(memory::Access::write));
  const u64 count = TINE_TRY(
      host_result(::pread(host_->fd(), piece.data(), piece.size(), static_cast<off_t>(at))));
  to.advance(count);
  return count;
}

Result<u64> HostStream::write_at(memory::IoBuffer &from, u64 at) {
  if (host_->kind != Kind::seekable)
    return Errno{ESPIPE};
  const auto piece = TINE_TRY(from.window(memory::Access::read));
  const u64 count = TINE_TRY(
      host_result(::pwrite(host_->fd(), piece.data(), piece.size(), static_cast<off_t>(at))));
  from.advance(count);
  if (host_->pages != nullptr)
    host_->pages->refresh(at, count);
  return count;
}

Result<u64> HostStream::seek(i64 distance, int whence) {
  if (host_->kind != Kind::seekable)
    return Errno{ESPIPE};
  const off_t at = ::lseek(host_->fd(), distance, whence);
  if (at < 0)
    return Errno{errno};
  return static_cast<u64>(at);
}

u32 HostStream::poll() {
  if (host_->kind == Kind::seekable)
    return File::poll();
  pollfd entry{host_->fd(), POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM, 0};
  if (::poll(&entry, 1, 0) <= 0)
    return 0;
  u32 events = static_cast<u16>(entry.revents);
  if (!is_readable())
    events &= ~static_cast<u32>(POLLIN | POLLRDNORM);
  if (!is_writable())
    events &= ~static_cast<u32>(POLLOUT | POLLWRNORM);
  return events;
}

sched::WaitQueue *HostStream::wait_queue() {
  return host_->kind == Kind::seekable ? nullptr : &changed_;
}

void HostStream::prepare_wait(u32 events) {
  resources_.events.watch(host_->fd(), events, changed_);
}

Result<struct stat> HostStream::stat() {
  struct stat status {};
  if (::fstat(host_->fd(), &status) != 0)
    return Errno{errno};
  return status;
}

namespace {

/// Passes a request on whose argument is a struct of `size` bytes.
Result<u64> pass_struct(int fd, const IoctlCall &call, std::size_t size, bool reads_argument) {
  std::byte bytes[64] = {};
  const auto object = std::span(bytes).first(size);
  const GuestAddress address{call.argument};
  if (reads_argument)
    TINE_TRY(call.space.read(address, object));
  const int result = ::ioctl(fd, call.request, bytes);
  if (result < 0)
    return Errno{errno};
  if (!reads_argument)
    TINE_TRY(call.space.write(address, object));
  return static_cast<u64>(result);
}

constexpr std::size_t kernel_termios_size = 36;
constexpr std::size_t kernel_termios2_size = 44;

} // namespace

Result<u64> HostStream::terminal_ioctl(const IoctlCall &call) {
  TerminalOwner &owner = host_terminal_owner();
  if (const auto answer = owner.ioctl(call, Ref<File>(this)))
    return *answer;
  switch (call.request) {
  case TCGETS:
    return pass_struct(host_->fd(), call, kernel_termios_size, false);
  case TCGETS2:
    return pass_struct(host_->fd(), call, kernel_termios2_size, false);
  case TIOCGWINSZ:
    return pass_struct(host_->fd(), call, sizeof(winsize), false);
  case TIOCOUTQ:
    return pass_struct(host_->fd(), call, sizeof(int), false);
  case TCSETS:
  case TCSETSW:
  case TCSETSF:
    TINE_TRY(owner.check(TerminalOwner::Use::change, true));
    return pass_struct(host_->fd(), call, kernel_termios_size, true);
  case TCSETS2:
  case TCSETSW2:
  case TCSETSF2:
    TINE_TRY(owner.check(TerminalOwner::Use::change, true));
    return pass_struct(host_->fd(), call, kernel_termios2_size, true);
  case TIOCSWINSZ:
    return pass_struct(host_->fd(), call, sizeof(winsize), true);
  case TCFLSH:
  case TCXONC:
  case TCSBRK:
  case TCSBRKP:
    TINE_TRY(owner.check(TerminalOwner::Use::change, true));
    if (::ioctl(host_->fd(), call.request, static_cast<int>(call.argument)) < 0)
      return Errno{errno};
    return u64{0};
  default:
    return Errno{ENOTTY};
  }
}

Result<u64> HostStream::ioctl(const IoctlCall &call) {
  if (call.request == FIONREAD)
    return pass_struct(host_->fd(), call, sizeof(int), false);
  if (host_->kind == Kind::terminal)
    return terminal_ioctl(call);
  return Errno{ENOTTY};
}

Status HostStream::truncate(u64 size) {
  if (host_->pages != nullptr)
    TINE_TRY(host_->pages->truncate(size));
  if (::ftruncate(host_->fd(), static_cast<off_t>(size)) != 0)
    return Errno{errno};
  return Done{};
}

Status HostStream::allocate(int mode, u64 at, u64 length) {
  if (::fallocate(host_->fd(), mode, static_cast<off_t>(at), static_cast<off_t>(length)) != 0)
    return Errno{errno};
  if (host_->pages != nullptr)
    host_->pages->refresh(at, length);
  return Done{};
}

Status HostStream::sync() {
  if (host_->pages != nullptr)
    TINE_TRY(host_->pages->write_back(0, ~u64{0}));
  if (::fsync(host_->fd()) != 0)
    return Errno{errno};
  return Done{};
}

Result<Ref<memory::MappedFile>> HostStream::map() {
  const struct stat status = TINE_TRY(stat());
  if (!S_ISREG(status.st_mode))
    return Errno{ENODEV};
  Ref<StreamPages> pages(host_->pages);
  if (!pages)
    pages = make_ref<StreamPages>(resources_.frames, host_);
  return Ref<memory::MappedFile>(
      make_ref<StreamMapping>(std::move(pages), name_, status.st_dev, status.st_ino));
}

Result<Ref<File>> HostStream::reopen(u32 flags) {
  if ((flags & O_ACCMODE) == (status_flags() & O_ACCMODE))
    return Ref<File>(Ref<HostStream>(new HostStream(host_, *this, flags)));
  UniqueFd fd(::fcntl(host_->given.get(), F_DUPFD_CLOEXEC, 3));
  if (!fd)
    return Errno{errno};
  return Ref<File>(make_ref<HostStream>(std::move(fd), role_, flags, resources_, name_));
}

Result<Ref<File>> HostStream::make_copy(Copier &copier) {
  Ref<File> made = TINE_TRY(copied_standard_stream(copier, role_, status_flags()));
  return made ? made : reopen(status_flags());
}

Result<Ref<File>> copied_standard_stream(const Copier &copier, int role, u32 flags) {
  const auto *streams = copier.context<StandardStreams>();
  if (role < 0 || streams == nullptr || !streams->files[role])
    return Ref<File>();
  return streams->files[role]->reopen(flags);
}

} // namespace tine::fs
