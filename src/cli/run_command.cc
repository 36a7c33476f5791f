#include "cli/run_command.hpp"

#include "base/log.hpp"
#include "box/code_store.hpp"
#include "box/host_filter.hpp"
#include "box/stats.hpp"
#include "cli/parse.hpp"

#include <algorithm>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tine::cli {
namespace {

/// A shell's convention: 128 + n when signal n killed the program.
int exit_status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

bool has_writable_bind(const box::BoxOptions &options) {
  return std::any_of(options.binds.begin(), options.binds.end(),
                     [](const box::Bind &bind) { return bind.writable; });
}

} // namespace

RunCommand::RunCommand(CLI::App &app) {
  CLI::App *run = app.add_subcommand("run", "Run a program in a new box; the exit status is the "
                                            "program's (128 + n if signal n killed it)");
  run->prefix_command(); // all from PROGRAM on is the program's
  run_ = run;
  run->add_option("--root", root_,
                  "Host directory that the box sees as /, read-only under a layer in "
                  "memory")
      ->check(CLI::ExistingDirectory);
  run->add_option("--bind", binds_, "SRC[:DST][:ro|rw]: a further host directory or file")
      ->allow_extra_args(false);
  run->add_option("--workdir", working_directory_, "Working directory in the box");
  run->add_option("--env", environment_, "K=V, or K to take over the caller's value")
      ->allow_extra_args(false);
  run->add_flag("--clear-env", clear_environment_, "Start from an empty environment");
  run->add_option("--hostname", hostname_, "Name of the host in the box");
  run->add_option("--user", user_, "UID[:GID] or a name; default: the caller");
  run->add_option("--memory", memory_, "Most memory that the box may use: 512M, 4G");
  run->add_option("--cpus", cpus_, "vCPUs; default: one per core")->check(CLI::Range(1, 256));
  run->add_option("--processes", process_limit_, "Most processes and threads at once")
      ->check(CLI::Range(1, 4'000'000));
  run->add_option("--page-tables", page_tables_, "What fork does with them")
      ->check(CLI::IsMember({"shared", "copied"}));
  run->add_option("--net", network_, "none: loopback alone; host: the host's sockets")
      ->check(CLI::IsMember({"none", "host"}));
  run->add_option("--code-cache", code_cache_,
                  "Where translated code is kept for later runs: a directory, or off; default: "
                  "${XDG_CACHE_HOME:-$HOME/.cache}/tine");
  run->add_flag("--no-seccomp", no_seccomp_,
                "Do not limit the host's system calls that tine itself may make (to debug tine)");
  run->add_flag("--strace{}", strace_,
                "Print each system call, to standard error or with =FILE there");
  run->add_flag("--stats{}", stats_,
                "Print what happened as JSON, to standard error or with =FILE there");
}

std::vector<std::string> RunCommand::program_and_arguments() const {
  std::vector<std::string> command = run_->remaining();
  if (!command.empty() && command.front().starts_with('-'))
    throw std::invalid_argument("run: what is " + command.front() + "? See tine run --help");
  if (after_separator_) {
    // After the program's name "--" is an argument like any other.
    if (!command.empty())
      command.emplace_back("--");
    command.insert(command.end(), after_separator_->begin(), after_separator_->end());
  }
  if (command.empty() || command.front().empty())
    throw std::invalid_argument("run: which program? See tine run --help");
  return command;
}

box::BoxOptions RunCommand::box_options() const {
  box::BoxOptions options;
  options.arguments = program_and_arguments();
  options.program = options.arguments.front();
  options.environment = make_environment(clear_environment_, environment_);
  options.root = root_;
  for (const std::string &bind : binds_)
    options.binds.push_back(parse_bind(bind));
  options.working_directory = working_directory_;
  options.hostname = hostname_;
  options.process_limit = process_limit_;
  options.fork_mechanism =
      page_tables_ == "copied" ? memory::ForkMechanism::copied : memory::ForkMechanism::shared;
  options.host_network = network_ == "host";
  if (user_.empty()) {
    options.uid = ::getuid();
    options.gid = ::getgid();
    std::vector<gid_t> groups(256);
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    options.groups.assign(groups.begin(), groups.begin() + std::max(count, 0));
  } else {
    parse_user(user_, options);
  }
  options.strace_file = strace_;
  return options;
}

int RunCommand::execute() {
  const box::BoxOptions options = box_options();
  box::RuntimeOptions runtime_options;
  runtime_options.vcpus = cpus_ != 0 ? cpus_ : std::max(1U, std::thread::hardware_concurrency());
  if (!memory_.empty())
    runtime_options.memory_bytes = parse_size(memory_);
  const Nanoseconds start = time::TimerQueue::now();
  box::Runtime runtime(runtime_options);
  box::Box box(runtime);
  if (const auto failure = box.start(options)) {
    log::error("{}", failure->message);
    return failure->exit_status;
  }
  box::CodeStore code(code_cache_);
  {
    const KernelGuard guard(runtime.host().lock);
    const process::Process &program = box.first_process();
    code.load(runtime.host().machine, program.leader()->name, *program.executable_file);
  }
  if (!no_seccomp_)
    box::install_host_filter({.host_files_change = has_writable_bind(options),
                              .host_network = options.host_network,
                              .keeps_code = code_cache_ != "off"});
  runtime.start();
  const int status = box.wait();
  runtime.stop();
  if (stats_)
    box::write_stats(runtime, box, time::TimerQueue::now() - start, *stats_);
  const KernelGuard guard(runtime.host().lock);
  code.save(runtime.host().machine);
  return exit_status_of(status);
}

} // namespace tine::cli
