// The public API over box/: pipes to the standard streams, and a runtime for each family.
#include "tine/tine.hpp"

#include "base/new_file.hpp"
#include "box/box.hpp"
#include "box/file_view.hpp"
#include "box/host_pipe.hpp"
#include "box/runtime.hpp"
#include "syscall/table.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tine {
namespace {

constexpr int failed = 125;

/// What leads elsewhere than to this program. Of a stream that this program has closed: /dev/null.
UniqueFd open_host_stream(Stream kind, int fd) {
  UniqueFd made;
  if (kind == Stream::inherit)
    made = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!made)
    made = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!made)
    throw Error("the host gives no descriptor", failed);
  return made;
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
std::shared_ptr<box::Runtime> make_runtime(unsigned vcpus, std::uint64_t memory_bytes) {
  box::RuntimeOptions runtime;
  runtime.vcpus = vcpus != 0 ? vcpus : std::max(1U, std::thread::hardware_concurrency());
  if (memory_bytes != 0)
    runtime.memory_bytes = memory_bytes;
  try {
    return std::make_shared<box::Runtime>(runtime);
  } catch (const std::runtime_error &error) {
    throw Error(error.what(), failed);
  }
}

void check(const Status &status, const std::string &what) {
  if (!status.ok())
    throw Error(what + ": " + ::strerror(static_cast<int>(status.error())), failed);
}

/// With the kernel lock.
memory::AddressSpace &memory_of(box::Box &box, int pid) {
  const process::Process *process = box.kernel().find_process(Pid{pid});
  if (process == nullptr || process->is_zombie() || !process->leader()->memory)
    check(Errno{ESRCH}, "process " + std::to_string(pid));
  return *process->leader()->memory;
}

} // namespace

struct Box::State {
  explicit State(std::shared_ptr<box::Runtime> runtime_)
      : runtime(std::move(runtime_)), input(*runtime), output(*runtime) {}

  std::shared_ptr<box::Runtime> runtime;
  Streams kinds; ///< of the box's streams
  box::HostPipe input, output;
  std::string pending; ///< output that was read and not asked for yet
  std::unique_ptr<box::Box> box;

  /// The box's streams. What leads where the original's does is left out: it is shared then.
  fs::StandardStreams make_streams(const Streams &wanted, const Streams *original) {
    kinds = wanted;
    if (kinds.error == Stream::pipe && kinds.output != Stream::pipe)
      kinds.error = Stream::null;
    fs::StandardStreams streams;
    const Stream of_box[] = {kinds.input, kinds.output, kinds.error};
    const Streams from = original != nullptr ? *original : Streams{};
    const Stream of_original[] = {from.input, from.output, from.error};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
      if (of_box[fd] != Stream::pipe && (original == nullptr || of_original[fd] != of_box[fd]))
        streams.descriptors[fd] = open_host_stream(of_box[fd], fd);
    const KernelGuard guard(runtime->host().lock);
    if (kinds.input == Stream::pipe)
      streams.files[STDIN_FILENO] = input.open(STDIN_FILENO);
    if (kinds.output == Stream::pipe)
      streams.files[STDOUT_FILENO] = output.open(STDOUT_FILENO);
    if (kinds.error == Stream::pipe)
      streams.files[STDERR_FILENO] = streams.files[STDOUT_FILENO];
    return streams;
  }
};

Box::Box(std::unique_ptr<State> state) : state_(std::move(state)) {}
Box::Box(Box &&other) noexcept = default;
Box &Box::operator=(Box &&other) noexcept = default;
Box::~Box() = default;

Box Box::start(const BoxOptions &given) {
  if (given.arguments.empty())
    throw Error("no program is named", failed);
  auto state = std::make_unique<State>(make_runtime(given.vcpus, given.memory_bytes));
  box::BoxOptions options;
  options.program = given.arguments.front();
  options.arguments = given.arguments;
  options.environment = given.environment.empty() ? own_environment() : given.environment;
  options.root = given.root;
  for (const BindMount &bind : given.binds)
    options.binds.push_back({bind.source, bind.target, bind.writable});
  for (const SecretFile &secret : given.secrets)
    options.secrets.push_back({secret.source, secret.name});
  options.working_directory = given.working_directory;
  options.hostname = given.hostname;
  options.uid = ::getuid();
  options.gid = ::getgid();
  options.host_network = given.host_network;
  options.streams = state->make_streams(given.streams, nullptr);
  state->box = std::make_unique<box::Box>(*state->runtime);
  if (const auto failure = state->box->start(options))
    throw Error(failure->message, failure->exit_status);
  options.streams = {}; // from here on other threads use the ends of the pipes
  state->runtime->start();
  return Box(std::move(state));
}

Box Box::fork(const ForkOptions &options) {
  auto state = std::make_unique<State>(state_->runtime);
  auto forked = state_->box->fork(state->make_streams(options.streams, &state_->kinds),
                                  {.listen = options.listen, .secrets = options.secrets});
  if (const auto *failure = std::get_if<box::StartFailure>(&forked))
    throw Error(failure->message, failure->exit_status);
  state->box = std::move(std::get<std::unique_ptr<box::Box>>(forked));
  return Box(std::move(state));
}

void Box::save(const std::string &path) {
  auto file = NewFile::create(path);
  check(file ? Status(Done{}) : Status(file.error()), path);
  if (const auto failure = state_->box->save(file->descriptor(), {}))
    throw Error(failure->message, failure->exit_status);
  check(file->commit(), path);
}

Box Box::restore(const std::string &path, const RestoreOptions &given) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    throw Error(path + ": " + ::strerror(errno), failed);
  auto state = std::make_unique<State>(make_runtime(given.vcpus, given.memory_bytes));
  box::RestoreOptions options;
  options.streams = state->make_streams(given.streams, nullptr);
  options.writable = given.writable;
  options.host_network = given.host_network;
  box::Surroundings surroundings;
  auto restored =
      box::Box::restore(*state->runtime, std::move(file), std::move(options), surroundings);
  if (const auto *failure = std::get_if<box::StartFailure>(&restored))
    throw Error(path + ": " + failure->message, failure->exit_status);
  state->box = std::move(std::get<std::unique_ptr<box::Box>>(restored));
  state->runtime->start();
  return Box(std::move(state));
}

bool Box::write(std::string_view bytes) {
  return state_->input.write(bytes);
}

void Box::close_input() {
  state_->input.close();
}

std::optional<std::string> Box::read_line(Timeout timeout) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout)
    deadline = std::chrono::steady_clock::now() + *timeout;
  std::string &pending = state_->pending;
  std::size_t end = 0;
  while ((end = pending.find('\n')) == std::string::npos)
    if (!state_->output.read(pending, deadline)) {
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
  while (state_->output.read(state_->pending, {})) {
  }
  return std::exchange(state_->pending, {});
}

int Box::wait() {
  resume();
  return shell_status(state_->box->wait_for_end());
}

std::optional<int> Box::exit_status() const {
  const auto status = state_->box->exit_status();
  return status ? std::optional(shell_status(*status)) : std::nullopt;
}

void Box::kill() {
  state_->box->kill();
  resume();
}

bool Box::run_until_call(std::string_view name, Timeout timeout) {
  const syscall::Row *row = syscall::find_row(name);
  if (row == nullptr)
    throw Error(std::string(name) + ": there is no such system call", failed);
  box::Runtime::Deadline deadline;
  if (timeout)
    deadline = std::chrono::steady_clock::now() + *timeout;
  return state_->box->run_until_call(row->number, deadline);
}

bool Box::run_for(std::chrono::milliseconds time) {
  resume();
  std::this_thread::sleep_for(time);
  pause();
  return !exit_status();
}

void Box::pause() {
  state_->box->freeze();
}

void Box::resume() {
  state_->box->thaw();
}

std::vector<int> Box::processes() const {
  const KernelGuard guard(state_->runtime->host().lock);
  std::vector<int> pids;
  for (const auto &[pid, process] : state_->box->kernel().processes())
    if (pid != process::Kernel::reaper_pid)
      pids.push_back(pid.value);
  return pids;
}

std::string Box::read_memory(int process, std::uint64_t address, std::size_t size) const {
  const KernelGuard guard(state_->runtime->host().lock);
  std::string bytes(size, '\0');
  check(memory_of(*state_->box, process)
            .force_read(GuestAddress{address}, std::as_writable_bytes(std::span(bytes))),
        "memory of process " + std::to_string(process));
  return bytes;
}

void Box::write_memory(int process, std::uint64_t address, std::string_view bytes) {
  // Of a box that runs, a thread may be between a read and a write of the same bytes.
  const KernelGuard guard = state_->runtime->pause(state_->box->kernel());
  check(memory_of(*state_->box, process)
            .force_write(GuestAddress{address}, std::as_bytes(std::span(bytes))),
        "memory of process " + std::to_string(process));
}

std::string Box::read_file(const std::string &path) const {
  const KernelGuard guard(state_->runtime->host().lock);
  auto bytes = box::FileView(state_->box->kernel()).read(path);
  check(bytes ? Status(Done{}) : Status(bytes.error()), path);
  return std::move(*bytes);
}

void Box::write_file(const std::string &path, std::string_view bytes, unsigned mode) {
  const KernelGuard guard(state_->runtime->host().lock);
  check(box::FileView(state_->box->kernel()).write(path, bytes, mode), path);
}

} // namespace tine
