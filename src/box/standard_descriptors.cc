#include "box/standard_descriptors.hpp"

#include <array>
#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <unistd.h>

namespace tine::box {
namespace {

std::array<bool, 3> is_given{};

/// The path or "pipe:[7]" that the host shows for a descriptor of tine.
std::string host_name_of(int fd) {
  std::array<char, PATH_MAX> target{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : "host";
}

} // namespace

void hold_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    is_given[static_cast<std::size_t>(fd)] = ::fcntl(fd, F_GETFD) >= 0;
    if (!is_given[static_cast<std::size_t>(fd)] && ::open("/dev/null", O_RDWR) != fd)
      throw std::runtime_error("/dev/null can't be opened");
  }
}

Ref<fs::FdTable> standard_descriptors(const fs::StreamHost &host) {
  auto table = make_ref<fs::FdTable>();
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || !is_given[static_cast<std::size_t>(fd)])
      continue; // closed by the caller, so closed in the box
    // A duplicate: tine's own 0 and 1 are given up below, so that the box alone holds the caller's
    // pipes.
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
      continue;
    const auto shown = static_cast<u32>(flags) & (O_ACCMODE | O_APPEND | O_NONBLOCK);
    const Status installed = table->install_at(
        fd, make_ref<fs::HostStream>(UniqueFd(own), fd, shown, host, host_name_of(own)), false,
        ~u64{0});
    if (!installed)
      throw std::runtime_error("the standard descriptors can't be installed");
  }
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO})
    ::dup2(null.get(), fd);
  return table;
}

Ref<fs::File> open_stream(const fs::StreamHost &host, int host_fd, int fd) {
  UniqueFd own(host_fd >= 0 ? ::fcntl(host_fd, F_DUPFD_CLOEXEC, 3)
                            : ::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!own)
    throw std::runtime_error("the standard descriptors can't be duplicated");
  const auto mode = static_cast<u32>(fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
  std::string name = host_name_of(own.get());
  return make_ref<fs::HostStream>(std::move(own), fd, mode, host, std::move(name));
}

Ref<fs::FdTable> standard_descriptors(const fs::StreamHost &host,
                                      const fs::StandardStreams &given) {
  auto table = make_ref<fs::FdTable>();
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    Ref<fs::File> file = given.files[fd];
    if (!file)
      file = open_stream(host, given.descriptors[fd].get(), fd);
    const Status installed = table->install_at(fd, std::move(file), false, ~u64{0});
    if (!installed)
      throw std::runtime_error("the standard descriptors can't be installed");
  }
  return table;
}

} // namespace tine::box
