#include "daemon/directory.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tine::daemon {
namespace {

constexpr std::string_view suffix = ".sock";
constexpr std::size_t longest_name = 64;
constexpr std::size_t longest_number = 10;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Where "-NUMBER" at the end begins; npos if there is none.
std::size_t number_start(std::string_view name) {
  std::size_t at = name.size();
  while (at > 0 && is_digit(name[at - 1]))
    --at;
  return at < name.size() && at > 1 && name[at - 1] == '-' ? at - 1 : std::string_view::npos;
}

std::string default_path() {
  const char *runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/')
    return std::string(runtime) + "/tine";
  return fmt::format("/tmp/tine-{}", ::geteuid());
}

std::runtime_error unusable(const std::string &path, const char *why) {
  return std::runtime_error(fmt::format("{}: {}", path, why));
}

/// flock(2) on the directory itself: no file is needed for it.
class Lock {
public:
  explicit Lock(int directory) : directory_(directory) {
    while (::flock(directory, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Lock() { ::flock(directory_, LOCK_UN); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

private:
  int directory_;
};

/// By way of the directory's descriptor: a Unix socket's address has room for 107 bytes only.
sockaddr_un address_of(int directory, const std::string &family) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}{}", directory, family, suffix);
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

UniqueFd make_socket() {
  UniqueFd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made)
    throw std::runtime_error(fmt::format("the host gives no socket: {}", ::strerror(errno)));
  return made;
}

} // namespace

std::string family_of(std::string_view box_name) {
  return std::string(box_name.substr(0, number_start(box_name)));
}

void check_box_name(std::string_view name) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
  };
  const std::string family = family_of(name);
  if (family.empty() || family.size() > longest_name ||
      name.size() - family.size() > longest_number + 1 ||
      std::isalnum(static_cast<unsigned char>(name.front())) == 0 ||
      !std::all_of(name.begin(), name.end(), allowed))
    throw std::invalid_argument(fmt::format(
        "\"{}\" can't be the name of a box: 1 to {} of A-Z a-z 0-9 _ . -, a letter or digit first",
        name, longest_name));
}

void check_family_name(std::string_view name) {
  check_box_name(name);
  if (number_start(name) != std::string_view::npos)
    throw std::invalid_argument(
        fmt::format("\"{}\": names that end in -NUMBER are those of forks", name));
}

FamilyDirectory::FamilyDirectory() : path_(default_path()) {
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
    throw unusable(path_, ::strerror(errno));
  directory_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!directory_ || ::fstat(directory_.get(), &status) != 0)
    throw unusable(path_, ::strerror(errno));
  if (status.st_uid != ::geteuid() || (status.st_mode & 0077) != 0)
    throw unusable(path_, "is not a directory of the caller's own with mode 0700");
}

std::vector<std::string> FamilyDirectory::families() const {
  std::vector<std::string> found;
  DIR *entries = ::fdopendir(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entries == nullptr)
    return found;
  while (const dirent *entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(suffix) && name.size() > suffix.size())
      found.emplace_back(name.substr(0, name.size() - suffix.size()));
  }
  ::closedir(entries);
  std::sort(found.begin(), found.end());
  return found;
}

UniqueFd FamilyDirectory::try_connect(const std::string &family, bool &refused) const {
  UniqueFd made = make_socket();
  const sockaddr_un address = address_of(directory_.get(), family);
  refused = false;
  if (::connect(made.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0)
    return made;
  refused = errno == ECONNREFUSED;
  return {};
}

UniqueFd FamilyDirectory::connect(const std::string &family) {
  bool refused = false;
  UniqueFd made = try_connect(family, refused);
  if (refused) {
    // Nobody listens: its host process was killed. Once more with the lock, since another may be
    // there by now.
    const Lock lock(directory_.get());
    made = try_connect(family, refused);
    if (refused)
      ::unlinkat(directory_.get(), (family + std::string(suffix)).c_str(), 0);
  }
  if (made && peer_user(made.get()) != static_cast<long>(::geteuid()))
    throw unusable(path_ + "/" + family + std::string(suffix), "is another user's");
  return made;
}

UniqueFd FamilyDirectory::listen(const std::string &family) {
  const Lock lock(directory_.get());
  bool refused = false;
  if (try_connect(family, refused))
    return {};
  if (refused)
    ::unlinkat(directory_.get(), (family + std::string(suffix)).c_str(), 0);
  UniqueFd made = make_socket();
  const sockaddr_un address = address_of(directory_.get(), family);
  const mode_t mask = ::umask(0177);
  const int bound =
      ::bind(made.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address);
  ::umask(mask);
  if (bound != 0 || ::listen(made.get(), SOMAXCONN) != 0)
    throw unusable(path_ + "/" + family + std::string(suffix), ::strerror(errno));
  return made;
}

void FamilyDirectory::remove(const std::string &family) {
  const Lock lock(directory_.get());
  ::unlinkat(directory_.get(), (family + std::string(suffix)).c_str(), 0);
}

long peer_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return -1;
  return static_cast<long>(peer.uid);
}

} // namespace tine::daemon
