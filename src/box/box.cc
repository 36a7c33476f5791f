#include "box/box.hpp"

#include "box/file_tree.hpp"
#include "box/standard_descriptors.hpp"
#include "fs/device_fs.hpp"
#include "fs/host_stream.hpp"
#include "fs/pipe.hpp"
#include "process/lifecycle.hpp"
#include "process/signals.hpp"
#include "syscall/strace.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace tine::box {
namespace {

constexpr int no_such_program = 127;
constexpr int cannot_execute = 126;

/// All of Linux's capabilities: what root has.
constexpr u64 all_capabilities = (u64{1} << 41) - 1;

fs::StreamHost stream_host(Runtime &runtime) {
  return {runtime.host().events, runtime.host().frames};
}

fs::Credentials make_credentials(const BoxOptions &options) {
  fs::Credentials credentials;
  credentials.uid = credentials.euid = credentials.suid = credentials.fsuid = options.uid;
  credentials.gid = credentials.egid = credentials.sgid = credentials.fsgid = options.gid;
  credentials.groups = options.groups;
  credentials.bounding = all_capabilities;
  if (options.uid == 0)
    credentials.permitted = credentials.effective = all_capabilities;
  return credentials;
}

std::string search_path(const std::vector<std::string> &environment) {
  for (const std::string &entry : environment)
    if (entry.starts_with("PATH="))
      return entry.substr(5);
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/// EACCES for what isn't a regular file that somebody may execute; execve itself asks whether this
/// caller may.
Result<Ref<fs::File>> open_candidate(const fs::FileSystemContext &context,
                                     const fs::Credentials &credentials, const std::string &path) {
  Ref<fs::File> file = TINE_TRY(
      fs::open(context, credentials, context.working_directory, path, O_RDONLY | O_CLOEXEC, 0));
  const struct stat status = TINE_TRY(file->stat());
  if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
    return Errno{EACCES};
  return file;
}

/// execvp(3)'s rules: the first that can be opened for execution; EACCES if one was found that
/// can't.
Result<process::ExecArguments> find_program(const fs::FileSystemContext &context,
                                            const fs::Credentials &credentials,
                                            const BoxOptions &options) {
  process::ExecArguments exec;
  exec.arguments = options.arguments;
  exec.environment = options.environment;
  std::vector<std::string> candidates;
  if (options.program.find('/') != std::string::npos) {
    candidates.push_back(options.program);
  } else {
    const std::string path = search_path(options.environment);
    for (std::size_t start = 0; start <= path.size();) {
      const std::size_t end = std::min(path.find(':', start), path.size());
      const std::string directory = path.substr(start, end - start);
      candidates.push_back((directory.empty() ? "." : directory) + "/" + options.program);
      start = end + 1;
    }
  }
  Errno error{ENOENT};
  for (const std::string &candidate : candidates) {
    auto file = open_candidate(context, credentials, candidate);
    if (file) {
      exec.file = std::move(*file);
      exec.path = candidate;
      return exec;
    }
    if (file.error() != Errno{ENOENT} && file.error() != Errno{ENOTDIR})
      error = file.error();
  }
  return error;
}

/// What assembles the box isn't bound by what its programs may do.
fs::Credentials privileged() {
  fs::Credentials root;
  root.permitted = root.effective = all_capabilities;
  return root;
}

/// The three standard descriptors.
Ref<fs::FdTable> table_of(const Ref<fs::File> &input, const Ref<fs::File> &output,
                          const Ref<fs::File> &error) {
  auto table = make_ref<fs::FdTable>();
  int fd = STDIN_FILENO;
  for (const Ref<fs::File> &file : {input, output, error})
    // The table is empty, and there is no limit.
    [[maybe_unused]] const Status installed = table->install_at(fd++, file, false, ~u64{0});
  return table;
}

/// The terminal that is the process's standard input becomes the one of its session.
void control_terminal(process::Process &process) {
  const Ref<fs::File> terminal = *process.leader()->files->get(STDIN_FILENO);
  process.terminal = terminal;
  *fs::owner_of_terminal(*terminal) = {process.session, process.group};
}

StartFailure exec_failure(const std::string &program, Errno error) {
  const int number = static_cast<int>(error);
  const bool missing = number == ENOENT || number == ENOTDIR;
  return {fmt::format("{}: {}", program, ::strerror(number)),
          missing ? no_such_program : cannot_execute};
}

/// "Signals set to be ignored by the calling process image are set to be ignored by the new process
/// image" (execve, POSIX): the box's first process inherits them from tine.
process::SignalSet ignored_signals() {
  process::SignalSet ignored;
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      ignored.add(signal);
  }
  return ignored;
}

} // namespace

Box::Box(Runtime &runtime) : runtime_(runtime) {}

Box::~Box() {
  if (!kernel_)
    return;
  const KernelGuard guard = runtime_.pause(*kernel_);
  init_ = nullptr;
  kernel_ = nullptr;
}

std::optional<StartFailure> Box::start(const BoxOptions &options) {
  const process::SignalSet ignored = ignored_signals();
  process::KernelOptions kernel_options;
  kernel_options.hostname = options.hostname;
  kernel_options.fork_mechanism = options.fork_mechanism;
  kernel_options.cpus = runtime_.vcpu_count();
  kernel_options.process_limit = options.process_limit;
  kernel_options.host_network = options.host_network;
  const KernelGuard guard(runtime_.host().lock);
  kernel_ = std::make_unique<process::Kernel>(runtime_.host(), kernel_options);
  if (auto failure = open_strace(options))
    return failure;
  const fs::Credentials credentials = make_credentials(options);
  auto tree = make_file_tree(*kernel_, options, credentials);
  if (auto *failure = std::get_if<StartFailure>(&tree))
    return *failure;
  const auto &context = std::get<Ref<fs::FileSystemContext>>(tree);
  auto exec = find_program(*context, credentials, options);
  if (!exec)
    return exec_failure(options.program, exec.error());
  process::InitArguments arguments;
  arguments.exec = std::move(*exec);
  if (options.console == Console::none) {
    arguments.files = make_descriptors(options.streams);
  } else if (auto console = make_console(options.console, *context)) {
    arguments.files = std::move(*console);
  } else {
    return StartFailure{
        fmt::format("the box's terminal: {}", ::strerror(static_cast<int>(console.error())))};
  }
  arguments.fs = context;
  arguments.credentials = credentials;
  arguments.ignored_signals = ignored;
  auto init = process::create_init(*kernel_, std::move(arguments));
  if (!init)
    return exec_failure(options.program, init.error());
  init_ = std::move(*init);
  if (options.console == Console::terminal)
    control_terminal(*init_);
  return std::nullopt;
}

Ref<fs::FdTable> Box::make_descriptors(const fs::StandardStreams &given) {
  bool any = false;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    any = any || given.descriptors[fd] || given.files[fd];
  return any ? standard_descriptors(stream_host(runtime_), given)
             : standard_descriptors(stream_host(runtime_));
}

Result<Ref<fs::FdTable>> Box::make_console(Console kind, const fs::FileSystemContext &context) {
  auto &console = kernel_->console;
  if (kind == Console::terminal) {
    const fs::Terminal terminal = TINE_TRY(fs::open_terminal(context, privileged()));
    console[0] = terminal.master;
    return table_of(terminal.slave, terminal.slave, terminal.slave);
  }
  const fs::PipeEnds input = fs::make_pipe(0), output = fs::make_pipe(0), error = fs::make_pipe(0);
  console = {input.writer, output.reader, error.reader};
  return table_of(input.reader, output.writer, error.writer);
}

std::variant<AddedProcess, StartFailure> Box::add_process(const BoxOptions &options) {
  const KernelGuard guard(runtime_.host().lock);
  if (init_->is_zombie())
    return StartFailure{"the box has ended"};
  const fs::Credentials credentials = make_credentials(options);
  auto context = make_ref<fs::FileSystemContext>();
  context->mounts = kernel_->mounts;
  context->root = context->working_directory = kernel_->mounts->root();
  if (!options.working_directory.empty()) {
    auto directory = fs::lookup(*context, credentials, context->root, options.working_directory,
                                {.must_be_directory = true});
    if (!directory)
      return StartFailure{fmt::format("{}: {}", options.working_directory,
                                      ::strerror(static_cast<int>(directory.error())))};
    context->working_directory = std::move(*directory);
  }
  auto exec = find_program(*context, credentials, options);
  if (!exec)
    return exec_failure(options.program, exec.error());
  AddedProcess made;
  process::InitArguments arguments;
  arguments.exec = std::move(*exec);
  if (options.console == Console::terminal) {
    auto terminal = fs::open_terminal(*context, privileged());
    if (!terminal)
      return StartFailure{
          fmt::format("the terminal: {}", ::strerror(static_cast<int>(terminal.error())))};
    made.terminal = terminal->master;
    arguments.files = table_of(terminal->slave, terminal->slave, terminal->slave);
  } else {
    arguments.files = standard_descriptors(stream_host(runtime_), options.streams);
  }
  arguments.fs = std::move(context);
  arguments.credentials = credentials;
  auto process = process::create_init(*kernel_, std::move(arguments), process::Entry::further);
  if (!process)
    return exec_failure(options.program, process.error());
  made.process = std::move(*process);
  if (made.terminal)
    control_terminal(*made.process);
  return made;
}

void Box::freeze() {
  const KernelGuard guard = runtime_.pause(*kernel_);
  kernel_->frozen = true;
}

void Box::thaw() {
  const KernelGuard guard(runtime_.host().lock);
  kernel_->frozen = false;
  for (const Pid tid : std::exchange(kernel_->parked, {}))
    if (process::Thread *thread = kernel_->find_thread(tid))
      runtime_.host().scheduler.make_runnable(*thread);
}

bool Box::run_until_call(u64 number, const Runtime::Deadline &deadline) {
  {
    const KernelGuard guard(runtime_.host().lock);
    kernel_->awaited_call = number;
  }
  thaw();
  runtime_.wait_until([this] { return kernel_->frozen || init_->is_zombie(); }, deadline);
  {
    const KernelGuard guard(runtime_.host().lock);
    kernel_->awaited_call.reset();
    if (!kernel_->frozen || init_->is_zombie())
      return false;
  }
  freeze(); // other vCPUs may be in the box still
  return true;
}

std::optional<StartFailure> Box::open_strace(const BoxOptions &options) {
  if (!options.strace_file)
    return std::nullopt;
  UniqueFd output(
      options.strace_file->empty()
          ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
          : ::open(options.strace_file->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!output)
    return StartFailure{fmt::format("--strace={}: {}", *options.strace_file, ::strerror(errno))};
  kernel_->tracer = std::make_unique<syscall::StraceWriter>(std::move(output));
  return std::nullopt;
}

int Box::wait_for_end() {
  runtime_.wait_until([this] { return init_->is_zombie(); });
  return init_->exit_status;
}

std::optional<int> Box::exit_status() {
  const KernelGuard guard(runtime_.host().lock);
  return init_->is_zombie() ? std::optional(init_->exit_status) : std::nullopt;
}

void Box::kill() {
  const KernelGuard guard(runtime_.host().lock);
  for (const auto &[pid, process] : kernel_->processes())
    if (!process->is_zombie() && pid != process::Kernel::reaper_pid)
      process::send_signal(*process, process::kernel_signal(SIGKILL));
}

std::variant<std::unique_ptr<Box>, StartFailure> Box::fork(fs::StandardStreams streams,
                                                           fs::ForkRights rights) {
  auto made = std::make_unique<Box>(runtime_);
  const KernelGuard guard = runtime_.pause(*kernel_);
  fs::StandardStreams own = std::move(streams); // goes before the lock does
  if (init_->is_zombie())
    return StartFailure{"the box has ended"};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (own.descriptors[fd] && !own.files[fd])
      own.files[fd] = open_stream(stream_host(runtime_), own.descriptors[fd].get(), fd);
  std::string refused;
  auto kernel = kernel_->copy(own, rights, refused);
  if (!kernel)
    return StartFailure{
        refused.empty()
            ? fmt::format("the box can't be forked: {}",
                          ::strerror(static_cast<int>(kernel.error())))
            : fmt::format("the box can't be forked while it has this open: {}", refused)};
  made->kernel_ = std::move(*kernel);
  made->init_ = Ref<process::Process>(made->kernel_->main_process());
  return made;
}

} // namespace tine::box
