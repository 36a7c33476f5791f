#include "daemon/server.hpp"

#include "daemon/directory.hpp"
#include "daemon/session.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <list>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace tine::daemon {
namespace {

/// Connections that may be open at once; others wait until one has ended.
constexpr std::size_t most_sessions = 512;

class Server {
public:
  Server(Family &family, UniqueFd listener, UniqueFd messages)
      : family_(family), listener_(std::move(listener)), messages_(std::move(messages)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
    watch(EPOLL_CTL_ADD, family_.wakeup().descriptor(), EPOLLIN);
    watch(EPOLL_CTL_ADD, messages_.get(), EPOLLIN);
  }

  /// Until the last box is gone and the last answer is sent.
  void run() {
    while (!family_.boxes().empty() || !sessions_.empty()) {
      std::array<epoll_event, 64> events{};
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int index = 0; index < count; ++index)
        take(events[static_cast<std::size_t>(index)]);
      end_sessions();
      for (Entry &entry : sessions_)
        entry.session.go_on();
      end_sessions();
    }
  }

private:
  struct Entry {
    Session session;
    u32 events = EPOLLIN;
  };

  void watch(int operation, int fd, u32 events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void take(const epoll_event &event) {
    const int fd = event.data.fd;
    if (fd == family_.wakeup().descriptor()) {
      family_.wakeup().clear();
      family_.collect();
    } else if (fd == listener_.get()) {
      accept();
    } else if (fd == messages_.get()) {
      take_message();
    } else {
      for (Entry &entry : sessions_)
        if (entry.session.socket() == fd && (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
          entry.session.receive();
    }
  }

  void accept() {
    UniqueFd made(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!made || peer_user(made.get()) != static_cast<long>(::geteuid()))
      return;
    watch(EPOLL_CTL_ADD, made.get(), EPOLLIN);
    sessions_.push_back({Session(std::move(made), family_)});
    listen_if_there_is_room();
  }

  /// What tine itself has to say, on its standard error.
  void take_message() {
    char bytes[4096];
    const ssize_t count = ::read(messages_.get(), bytes, sizeof bytes);
    if (count > 0)
      family_.note_message({bytes, static_cast<std::size_t>(count)});
  }

  void end_sessions() {
    for (auto entry = sessions_.begin(); entry != sessions_.end();) {
      Session &session = entry->session;
      if (session.is_over()) {
        entry = sessions_.erase(entry); // closing the socket takes it off the epoll instance
        listen_if_there_is_room();
        continue;
      }
      if (const u32 events = session.wanted_events(); events != entry->events)
        watch(EPOLL_CTL_MOD, session.socket(), entry->events = events);
      ++entry;
    }
  }

  void listen_if_there_is_room() {
    const bool listens = sessions_.size() < most_sessions;
    if (listens != std::exchange(listens_, listens))
      watch(EPOLL_CTL_MOD, listener_.get(), listens ? u32{EPOLLIN} : u32{0});
  }

  Family &family_;
  UniqueFd listener_, messages_, epoll_;
  bool listens_ = true;
  std::list<Entry> sessions_;
};

/// In a process that has a terminal, descriptors and a group of somebody else's: nothing of it is
/// kept but `kept`.
void leave_the_caller(std::initializer_list<int> kept) {
  ::setsid();
  int last = STDERR_FILENO;
  std::vector<int> sorted(kept);
  std::sort(sorted.begin(), sorted.end());
  for (const int fd : sorted) {
    if (fd > last + 1)
      ::close_range(static_cast<unsigned>(last + 1), static_cast<unsigned>(fd - 1), 0);
    last = fd;
  }
  ::close_range(static_cast<unsigned>(last + 1), ~0U, 0);
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO})
    ::dup2(null.get(), fd);
}

/// What is written to standard error can be read from here. Whoever writes never waits.
UniqueFd take_standard_error() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::runtime_error("the host gives no pipe");
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[1]);
  return UniqueFd(ends[0]);
}

/// Tells the one who asked for the box how it began.
void report(int to, const json &message) {
  const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
  [[maybe_unused]] const ssize_t written = ::write(to, text.data(), text.size());
}

/// The host process of the family. `directory` is for its end.
void serve(FamilyOptions options, FamilyDirectory &directory, UniqueFd listener, UniqueFd reports) {
  const std::string name = options.name;
  ::listen(listener.get(), SOMAXCONN); // again: it is this process now that SO_PEERCRED tells of
  try {
    UniqueFd messages = take_standard_error();
    Family family(std::move(options));
    Server server(family, std::move(listener), std::move(messages)); // before the filter is there
    if (const auto failure = family.start()) {
      directory.remove(name);
      report(reports.get(), {{"error", failure->message}, {"status", failure->exit_status}});
      return;
    }
    ::signal(SIGPIPE, SIG_IGN); // after the box has inherited what the caller had
    json names = json::array();
    for (const auto &kept : family.boxes())
      names.push_back(kept->name);
    report(reports.get(), {{"names", names}});
    reports = UniqueFd();
    server.run();
    directory.remove(name);
    family.finish();
  } catch (const std::exception &error) {
    directory.remove(name);
    if (reports)
      report(reports.get(), {{"error", error.what()}, {"status", own_failure}});
  }
}

/// "python3" for /usr/bin/python3, "python3_2" if there is one already.
std::string make_name(const std::string &program, int attempt) {
  std::string name = program.substr(program.rfind('/') + 1).substr(0, 32);
  for (char &c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_')
      c = '_';
  if (name.empty() || std::isalnum(static_cast<unsigned char>(name.front())) == 0)
    name.insert(0, "box");
  return attempt == 1 ? name : fmt::format("{}_{}", name, attempt);
}

/// The listening socket, and its name in the options.
UniqueFd listen(FamilyDirectory &directory, FamilyOptions &options) {
  if (!options.name.empty()) {
    check_family_name(options.name);
    UniqueFd listener = directory.listen(options.name);
    if (!listener)
      throw Failure(fmt::format("there is a box {} already", options.name));
    return listener;
  }
  for (int attempt = 1;; ++attempt) {
    options.name = make_name(options.box.program, attempt);
    if (UniqueFd listener = directory.listen(options.name))
      return listener;
  }
}

std::string read_all(int from) {
  std::string text;
  char bytes[4096];
  ssize_t count = 0;
  while ((count = ::read(from, bytes, sizeof bytes)) > 0 || (count < 0 && errno == EINTR))
    if (count > 0)
      text.append(bytes, static_cast<std::size_t>(count));
  return text;
}

} // namespace

std::vector<std::string> start_in_background(FamilyOptions options) {
  FamilyDirectory directory;
  UniqueFd listener = listen(directory, options);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error("the host gives no pipe");
  UniqueFd reports(ends[0]), to_report(ends[1]);
  const std::string name = options.name;
  const pid_t child = ::fork();
  if (child < 0) {
    directory.remove(name);
    throw std::runtime_error(fmt::format("the host gives no process: {}", ::strerror(errno)));
  }
  if (child == 0) {
    reports = UniqueFd();
    leave_the_caller({directory.descriptor(), listener.get(), to_report.get(),
                      options.snapshot ? options.snapshot.get() : STDERR_FILENO});
    serve(std::move(options), directory, std::move(listener), std::move(to_report));
    ::_exit(0);
  }
  listener = UniqueFd();
  to_report = UniqueFd();
  const json message = json::parse(read_all(reports.get()), nullptr, false);
  if (!message.is_object())
    throw Failure(fmt::format("the background process of {} has ended before its box began", name));
  return checked(message).at("names").get<std::vector<std::string>>();
}

} // namespace tine::daemon
