#include "cli/conversation.hpp"

#include "cli/host_terminal.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace tine::cli {
namespace {

constexpr char control_p = 16, control_q = 17;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EAGAIN) { // the terminal may be non-blocking by somebody else's wish
      pollfd entry{fd, POLLOUT, 0};
      ::poll(&entry, 1, -1);
    } else if (count < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  return true;
}

} // namespace

bool add_terminal_size(daemon::json &message) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 &&
      ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    return false;
  message["rows"] = size.ws_row;
  message["columns"] = size.ws_col;
  return true;
}

Conversation::Conversation(daemon::Connection &connection, InputUse input, SignalUse signals)
    : connection_(connection), input_(input) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGWINCH);
  if (signals == SignalUse::forward)
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
      sigaddset(&signals_, signal);
  ::sigprocmask(SIG_BLOCK, &signals_, &mask_before_);
  signal_descriptor_ = UniqueFd(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
}

Conversation::~Conversation() {
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::optional<int> Conversation::run() {
  ::signal(SIGPIPE, SIG_IGN);
  std::optional<RawTerminal> raw;
  if (terminal_)
    raw.emplace(STDIN_FILENO);
  while (!over_) {
    // The server takes no more input for now, since the box doesn't, which may wait for us to take
    // its output: so nothing here may block in sending.
    const bool reads = input_ != InputUse::none && !blocked_;
    const auto wanted = static_cast<short>(blocked_ ? POLLIN | POLLOUT : POLLIN);
    std::vector<pollfd> entries = {{connection_.socket(), wanted, 0},
                                   {signal_descriptor_.get(), POLLIN, 0},
                                   {reads ? STDIN_FILENO : -1, POLLIN, 0}};
    for (const Relay &relay : relays_)
      entries.push_back({relay.from, POLLIN, 0});
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR)
      break;
    for (std::size_t index = relays_.size(); index-- > 0;)
      if (entries[3 + index].revents != 0 && !pass_on(relays_[index]))
        relays_.erase(relays_.begin() + static_cast<std::ptrdiff_t>(index));
    if (entries[1].revents != 0)
      take_signal();
    if (entries[2].revents != 0)
      take_input();
    if ((entries[0].revents & POLLOUT) != 0)
      blocked_ = false;
    if ((entries[0].revents & ~POLLOUT) != 0) {
      while (const auto frame = connection_.receive_ready())
        take_frame(*frame);
      if (connection_.ended() && !over_)
        throw daemon::Failure("the background process of the box has gone away");
    }
  }
  finish_relays();
  return exit_status_;
}

void Conversation::take_frame(const daemon::Frame &frame) {
  if (frame.type == daemon::FrameType::output || frame.type == daemon::FrameType::error) {
    // Who reads it may be gone, as a pager: then it is over for us as well.
    if (!write_all(frame.type == daemon::FrameType::output ? STDOUT_FILENO : STDERR_FILENO,
                   frame.payload))
      over_ = true;
    return;
  }
  auto message = daemon::parse_message(frame);
  if (!message)
    throw daemon::Failure(
        "the background process of the box sent something that can't be understood");
  const daemon::json answer = daemon::checked(std::move(*message));
  if (const auto status = answer.find("exit"); status != answer.end()) {
    exit_status_ = status->get<int>();
    over_ = true;
  } else if (answer.contains("done")) {
    over_ = true;
  }
}

std::string Conversation::without_detach_keys(std::string_view bytes) {
  std::string kept;
  for (const char c : bytes) {
    if (first_key_ && c == control_q) {
      over_ = true;
      return kept;
    }
    if (first_key_)
      kept.push_back(control_p);
    first_key_ = c == control_p;
    if (!first_key_)
      kept.push_back(c);
  }
  return kept;
}

void Conversation::take_input() {
  pollfd room{connection_.socket(), POLLOUT, 0};
  ::poll(&room, 1, 0);
  blocked_ = (room.revents & POLLOUT) == 0;
  if (blocked_)
    return;
  char bytes[16384];
  const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count > 0) {
    const std::string_view all(bytes, static_cast<std::size_t>(count));
    connection_.send(daemon::FrameType::input,
                     terminal_ ? without_detach_keys(all) : std::string(all));
    return;
  }
  connection_.send({{input_ == InputUse::send ? "end_input" : "detach", true}});
  input_ = InputUse::none;
}

void Conversation::take_signal() {
  signalfd_siginfo info{};
  while (::read(signal_descriptor_.get(), &info, sizeof info) == sizeof info) {
    daemon::json message;
    if (info.ssi_signo != SIGWINCH)
      message["signal"] = info.ssi_signo;
    else if (!terminal_ || !add_terminal_size(message))
      continue;
    connection_.send(message);
  }
}

bool Conversation::pass_on(Relay &relay) {
  char bytes[16384];
  const ssize_t count = ::read(relay.from, bytes, sizeof bytes);
  if (count < 0)
    return errno == EINTR || errno == EAGAIN;
  return count > 0 && write_all(relay.to, {bytes, static_cast<std::size_t>(count)});
}

void Conversation::finish_relays() {
  for (Relay &relay : relays_) {
    pollfd entry{relay.from, POLLIN, 0};
    while (relay.is_output && ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN) != 0 &&
           pass_on(relay)) {
    }
  }
}

} // namespace tine::cli
