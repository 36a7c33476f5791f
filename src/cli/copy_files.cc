// `tine cp`: the caller's side. What comes out of a box is not trusted: names are single
// components, nothing is followed that could lead elsewhere.
#include "base/log.hpp"
#include "cli/box_commands.hpp"
#include "daemon/directory.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace tine::cli {
namespace {

using daemon::Connection;
using daemon::Failure;
using daemon::FrameType;
using daemon::json;

struct Place {
  std::string box; ///< empty: the host's
  std::string path;
};

/// "BOX:PATH"; a path that has a slash before its first colon is the host's, as scp(1) has it.
Place parse_place(const std::string &text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('/') < colon)
    return {"", text};
  Place place{text.substr(0, colon), text.substr(colon + 1)};
  daemon::check_box_name(place.box);
  if (place.path.empty())
    throw std::invalid_argument(fmt::format("cp: which path in {}?", place.box));
  return place;
}

std::string last_name(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

[[noreturn]] void fail(const std::string &what) {
  throw Failure(fmt::format("{}: {}", what, ::strerror(errno)));
}

// ---------------------------------------------------------------------------------- out of a box

class Receiver {
public:
  Receiver(Connection &connection, std::string destination)
      : connection_(connection), destination_(std::move(destination)) {}

  /// 1 if something was left out, with a message for each.
  int run() {
    for (;;) {
      const json message = connection_.receive_message();
      if (message.contains("done"))
        return status_;
      if (message.contains("leave"))
        leave();
      else
        take_entry(message);
    }
  }

private:
  struct Level {
    UniqueFd directory;
    mode_t mode;
    timespec modified;
  };

  [[nodiscard]] int here() const {
    return levels_.empty() ? top_.get() : levels_.back().directory.get();
  }

  void leave() {
    if (levels_.empty())
      throw Failure("what the box sent can't be understood");
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    const timespec times[] = {{0, UTIME_OMIT}, level.modified};
    ::fchmod(level.directory.get(), level.mode);
    ::futimens(level.directory.get(), times);
  }

  void take_entry(const json &message) {
    const auto kind = message.at("entry").get<std::string>();
    std::string name = daemon::bytes_of(message.at("name").get<std::string>());
    if (kind == "skipped") {
      log::error("{} is left out: {}", name, message.at("why").get<std::string>());
      status_ = 1;
      return;
    }
    if (!top_)
      find_place(name);
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      throw Failure("the box sent a name that can't be one");
    if (kind == "link")
      return take_link(name, daemon::bytes_of(message.at("target").get<std::string>()));
    const mode_t mode = message.at("mode").get<mode_t>() & 0777;
    const timespec modified{message.at("mtime").at(0).get<time_t>(),
                            message.at("mtime").at(1).get<long>()};
    if (kind == "directory")
      take_directory(name, mode, modified);
    else
      take_file(name, mode, modified);
  }

  /// Where the first entry goes: into a directory that is there, else it is the new name itself.
  void find_place(std::string &name) {
    top_ = UniqueFd(::open(destination_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (top_ && !name.empty())
      return;
    if (destination_.ends_with('/') || name.empty())
      fail(destination_);
    name = last_name(destination_);
    const std::string above = destination_.substr(0, destination_.size() - name.size());
    top_ =
        UniqueFd(::open(above.empty() ? "." : above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!top_)
      fail(above);
  }

  void take_link(const std::string &name, const std::string &target) {
    if (::symlinkat(target.c_str(), here(), name.c_str()) != 0)
      fail(name);
  }

  void take_directory(const std::string &name, mode_t mode, timespec modified) {
    if (::mkdirat(here(), name.c_str(), 0700) != 0 && errno != EEXIST)
      fail(name);
    UniqueFd directory(
        ::openat(here(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory)
      fail(name);
    levels_.push_back({std::move(directory), mode, modified});
  }

  void take_file(const std::string &name, mode_t mode, timespec modified) {
    const UniqueFd file(::openat(here(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                                 0600));
    if (!file)
      fail(name);
    for (;;) {
      const auto frame = connection_.receive();
      if (!frame)
        throw Failure("the background process of the box has gone away");
      if (frame->type != FrameType::data) {
        static_cast<void>(daemon::checked(
            daemon::parse_message(*frame) ? *daemon::parse_message(*frame) : json()));
        throw Failure("what the box sent can't be understood");
      }
      if (frame->payload.empty())
        break;
      std::string_view rest = frame->payload;
      while (!rest.empty()) {
        const ssize_t count = ::write(file.get(), rest.data(), rest.size());
        if (count < 0)
          fail(name);
        rest.remove_prefix(static_cast<std::size_t>(count));
      }
    }
    const timespec times[] = {{0, UTIME_OMIT}, modified};
    ::fchmod(file.get(), mode);
    ::futimens(file.get(), times);
  }

  Connection &connection_;
  std::string destination_;
  UniqueFd top_;
  std::vector<Level> levels_;
  int status_ = 0;
};

// ------------------------------------------------------------------------------------ into a box

class Sender {
public:
  explicit Sender(Connection &connection) : connection_(connection) {}

  int run(const std::string &source) {
    // What the caller names is followed, what is in it isn't, as cp -r has it.
    send_entry(AT_FDCWD, source, last_name(source), 0);
    send({{"done", true}});
    static_cast<void>(connection_.receive_message());
    return status_;
  }

private:
  /// The server ends the connection with a message about why.
  void send(const json &message) {
    if (!connection_.send(message))
      static_cast<void>(connection_.receive_message());
  }

  void send_entry(int directory, const std::string &path, const std::string &name, int follow) {
    struct stat status {};
    if (::fstatat(directory, path.c_str(), &status, follow) != 0)
      fail(path);
    json entry = {{"name", daemon::text_of(name)},
                  {"mode", status.st_mode & 07777},
                  {"mtime", {status.st_mtim.tv_sec, status.st_mtim.tv_nsec}}};
    if (S_ISDIR(status.st_mode))
      return send_directory(directory, path, std::move(entry));
    if (S_ISREG(status.st_mode))
      return send_file(directory, path, std::move(entry));
    if (S_ISLNK(status.st_mode))
      return send_link(directory, path, std::move(entry));
    log::error("{} is left out: it is neither a file nor a directory nor a link", path);
    status_ = 1;
  }

  void send_directory(int above, const std::string &path, json entry) {
    const int fd = ::openat(above, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? nullptr : ::fdopendir(fd);
    if (listing == nullptr)
      fail(path);
    const std::unique_ptr<DIR, int (*)(DIR *)> owner(listing, ::closedir);
    entry["entry"] = "directory";
    send(entry);
    while (const dirent *one = ::readdir(listing)) {
      const std::string name = one->d_name;
      if (name != "." && name != "..")
        send_entry(fd, name, name, AT_SYMLINK_NOFOLLOW);
    }
    send({{"leave", true}});
  }

  void send_file(int directory, const std::string &path, json entry) {
    const UniqueFd file(::openat(directory, path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file)
      fail(path);
    entry["entry"] = "file";
    send(entry);
    char bytes[daemon::piece_size];
    ssize_t count = 0;
    do {
      count = ::read(file.get(), bytes, sizeof bytes);
      if (count < 0)
        fail(path);
      if (!connection_.send(FrameType::data, {bytes, static_cast<std::size_t>(count)}))
        static_cast<void>(connection_.receive_message());
    } while (count > 0);
  }

  void send_link(int directory, const std::string &path, json entry) {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(directory, path.c_str(), target, sizeof target);
    if (length < 0)
      fail(path);
    entry["entry"] = "link";
    entry["target"] = daemon::text_of({target, static_cast<std::size_t>(length)});
    send(entry);
  }

  Connection &connection_;
  int status_ = 0;
};

} // namespace

int copy_files(const std::string &source, const std::string &destination) {
  const Place from = parse_place(source), to = parse_place(destination);
  if (from.box.empty() == to.box.empty())
    throw std::invalid_argument("cp: one of both is in a box, as BOX:PATH, and the other isn't");
  const Place &in_box = from.box.empty() ? to : from;
  Connection connection = connect_to(in_box.box);
  connection.send({{"command", from.box.empty() ? "write" : "read"},
                   {"box", in_box.box},
                   {"path", daemon::text_of(in_box.path)}});
  return from.box.empty() ? Sender(connection).run(from.path) : Receiver(connection, to.path).run();
}

} // namespace tine::cli
