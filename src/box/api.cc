// The public API over box/: pipes to the standard streams, and a runtime for each family.
#include "tine/tine.hpp"

#include "box/box.hpp"
#include "box/runtime.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tine {
namespace {

constexpr int failed = 125;

/// The two ends of one standard stream.
struct StreamEnds {
  UniqueFd of_box, of_host;
};

[[noreturn]] void no_descriptor() {
  throw Error("the host gives no descriptor", failed);
}

StreamEnds make_ends(Stream kind, int fd) {
  StreamEnds ends;
  if (kind == Stream::pipe) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
      no_descriptor();
    ends.of_box = UniqueFd(pipe[fd == STDIN_FILENO ? 0 : 1]);
    ends.of_host = UniqueFd(pipe[fd == STDIN_FILENO ? 1 : 0]);
  } else {
    ends.of_box = UniqueFd(kind == Stream::inherit ? ::fcntl(fd, F_DUPFD_CLOEXEC, 3)
                                                   : ::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!ends.of_box) // this program's own is closed
      ends.of_box = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  }
  if (!ends.of_box)
    no_descriptor();
  return ends;
}

int shell_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char **entry = ::environ; entry != nullptr && *entry != nullptr; ++entry)
    variables.emplace_back(*entry);
  return variables;
}

/// Ends its host threads with its last box.
std::shared_ptr<box::Runtime> make_runtime(const BoxOptions &options) {
  box::RuntimeOptions runtime;
  runtime.vcpus =
      options.vcpus != 0 ? options.vcpus : std::max(1U, std::thread::hardware_concurrency());
  if (options.memory_bytes != 0)
    runtime.memory_bytes = options.memory_bytes;
  try {
    return std::make_shared<box::Runtime>(runtime);
  } catch (const std::runtime_error &error) {
    throw Error(error.what(), failed);
  }
}

} // namespace

struct Box::State {
  std::shared_ptr<box::Runtime> runtime;
  UniqueFd input, output;
  std::string pending; ///< output that was read and not asked for yet
  std::unique_ptr<box::Box> box;

  /// Makes the streams and keeps the host's ends.
  fs::StandardStreams make_streams(const Streams &kinds) {
    StreamEnds in = make_ends(kinds.input, STDIN_FILENO);
    StreamEnds out = make_ends(kinds.output, STDOUT_FILENO);
    input = std::move(in.of_host);
    output = std::move(out.of_host);
    fs::StandardStreams streams;
    streams.descriptors[2] =
        kinds.error == Stream::pipe && kinds.output == Stream::pipe
            ? UniqueFd(::fcntl(out.of_box.get(), F_DUPFD_CLOEXEC, 3))
            : make_ends(kinds.error == Stream::pipe ? Stream::null : kinds.error, STDERR_FILENO)
                  .of_box;
    streams.descriptors[0] = std::move(in.of_box);
    streams.descriptors[1] = std::move(out.of_box);
    return streams;
  }
  /// Adds to `pending`. False at the end of output and after the deadline.
  bool read_more(const std::optional<std::chrono::steady_clock::time_point> &deadline) {
    if (!output)
      return false;
    int timeout = -1;
    if (deadline)
      timeout = static_cast<int>(std::max<std::int64_t>(
          0,
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now())
              .count()));
    pollfd entry{output.get(), POLLIN, 0};
    int ready = 0;
    while ((ready = ::poll(&entry, 1, timeout)) < 0 && errno == EINTR) {
    }
    if (ready <= 0)
      return false;
    char bytes[16384];
    const ssize_t count = ::read(output.get(), bytes, sizeof bytes);
    if (count <= 0)
      return false;
    pending.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
};

Box::Box(std::unique_ptr<State> state) : state_(std::move(state)) {}
Box::Box(Box &&other) noexcept = default;
Box &Box::operator=(Box &&other) noexcept = default;
Box::~Box() = default;

Box Box::start(const BoxOptions &given) {
  if (given.arguments.empty())
    throw Error("no program is named", failed);
  ::signal(SIGPIPE, SIG_IGN); // a box may end while it is written to
  auto state = std::make_unique<State>();
  state->runtime = make_runtime(given);
  box::BoxOptions options;
  options.program = given.arguments.front();
  options.arguments = given.arguments;
  options.environment = given.environment.empty() ? own_environment() : given.environment;
  options.root = given.root;
  for (const BindMount &bind : given.binds)
    options.binds.push_back({bind.source, bind.target, bind.writable});
  options.working_directory = given.working_directory;
  options.hostname = given.hostname;
  options.uid = ::getuid();
  options.gid = ::getgid();
  options.host_network = given.host_network;
  options.takes_over_host = false;
  options.streams = state->make_streams(given.streams);
  state->box = std::make_unique<box::Box>(*state->runtime);
  if (const auto failure = state->box->start(options))
    throw Error(failure->message, failure->exit_status);
  state->runtime->start();
  return Box(std::move(state));
}

Box Box::fork(const Streams &streams) {
  auto state = std::make_unique<State>();
  state->runtime = state_->runtime;
  auto forked = state_->box->fork(state->make_streams(streams));
  if (const auto *failure = std::get_if<box::StartFailure>(&forked))
    throw Error(failure->message, failure->exit_status);
  state->box = std::move(std::get<std::unique_ptr<box::Box>>(forked));
  return Box(std::move(state));
}

bool Box::write(std::string_view bytes) {
  while (!bytes.empty() && state_->input) {
    const ssize_t count = ::write(state_->input.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return bytes.empty();
}

void Box::close_input() {
  state_->input = UniqueFd();
}

std::optional<std::string> Box::read_line(Timeout timeout) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout)
    deadline = std::chrono::steady_clock::now() + *timeout;
  std::string &pending = state_->pending;
  std::size_t end = 0;
  while ((end = pending.find('\n')) == std::string::npos)
    if (!state_->read_more(deadline)) {
      if (pending.empty() || (deadline && std::chrono::steady_clock::now() >= *deadline))
        return std::nullopt;
      return std::exchange(pending, {});
    }
  std::string line = pending.substr(0, end);
  pending.erase(0, end + 1);
  return line;
}

bool Box::read_until(std::string_view line, Timeout timeout) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    Timeout left = timeout;
    if (timeout)
      left = *timeout - std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::chrono::steady_clock::now() - start);
    const auto found = read_line(left);
    if (!found)
      return false;
    if (*found == line)
      return true;
  }
}

std::string Box::read_all() {
  while (state_->read_more({})) {
  }
  return std::exchange(state_->pending, {});
}

int Box::wait() {
  return shell_status(state_->box->wait_for_end());
}

std::optional<int> Box::exit_status() const {
  const auto status = state_->box->exit_status();
  return status ? std::optional(shell_status(*status)) : std::nullopt;
}

void Box::kill() {
  state_->box->kill();
}

} // namespace tine
