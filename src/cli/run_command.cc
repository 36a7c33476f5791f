#include "cli/run_command.hpp"

#include "base/log.hpp"
#include "box/code_store.hpp"
#include "box/host_filter.hpp"
#include "box/stats.hpp"
#include "cli/parse.hpp"
#include "daemon/server.hpp"

#include <algorithm>
#include <fmt/core.h>
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

constexpr u64 least_log = u64{16} << 10;

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
  run->add_option("--secret", secrets_,
                  "FILE[:NAME]: a host file that the box has as /run/secrets/NAME, and its forks "
                  "have not, unless tine fork --with-secrets")
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
  run->add_flag(
      "-d,--detach", detach_,
      "Run the box in the background and print its name: see tine ps, fork, exec, attach");
  CLI::Option *detach = run->get_option("--detach");
  run->add_option("--name", name_, "Name of the box; default: the program's")->needs(detach);
  run->add_flag("-t,--tty", terminal_, "The program's standard streams are a terminal of the box")
      ->needs(detach);
  run->add_flag("--rm", remove_at_end_, "Remove the box, and each fork, when it ends")
      ->needs(detach);
  run->add_option("--log-size", log_size_,
                  "How much of each box's latest output is kept; default: 1M")
      ->needs(detach);
  run->footer("Examples:\n"
              "  tine run -- python3 x.py                     in the foreground\n"
              "  tine run --name base -d -- python3 -i x.py   in the background, as box \"base\"\n"
              "  tine run -dt -- bash                         with a terminal: tine attach bash");
}

box::BoxOptions RunCommand::box_options() const {
  box::BoxOptions options;
  options.arguments = program_and_arguments(run_->remaining(), after_separator_, "run");
  options.program = options.arguments.front();
  options.environment = make_environment(clear_environment_, environment_);
  options.root = root_;
  for (const std::string &bind : binds_)
    options.binds.push_back(parse_bind(bind));
  for (const std::string &secret : secrets_)
    options.secrets.push_back(parse_secret(secret));
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

box::RuntimeOptions RunCommand::runtime_options() const {
  box::RuntimeOptions options;
  options.vcpus = cpus_ != 0 ? cpus_ : std::max(1U, std::thread::hardware_concurrency());
  if (!memory_.empty())
    options.memory_bytes = parse_size(memory_);
  return options;
}

int RunCommand::start_in_background() {
  if (stats_ || (strace_ && strace_->empty()))
    throw std::invalid_argument(
        "run -d: --stats, and --strace without a file, are for boxes in the "
        "foreground");
  daemon::FamilyOptions options;
  options.name = name_;
  options.box = box_options();
  options.box.console = terminal_ ? box::Console::terminal : box::Console::pipes;
  options.runtime = runtime_options();
  options.remove_at_end = remove_at_end_;
  options.code_cache = code_cache_;
  options.limit_host_calls = !no_seccomp_;
  if (!log_size_.empty())
    options.log_bytes = std::max<u64>(parse_size(log_size_), least_log);
  for (const std::string &name : daemon::start_in_background(std::move(options)))
    fmt::print("{}\n", name);
  return 0;
}

int RunCommand::execute() {
  if (detach_)
    return start_in_background();
  box::BoxOptions options = box_options();
  const box::HostFilterOptions filter{.host_files_change = has_writable_bind(options),
                                      .host_network = options.host_network,
                                      .keeps_code = code_cache_ != "off"};
  const Nanoseconds start = time::TimerQueue::now();
  box::Runtime runtime(runtime_options());
  const i64 descriptors_before = stats_ ? box::open_host_descriptors() : 0;
  auto boxes = std::make_unique<box::Foreground>(runtime);
  if (const auto failure = boxes->start(std::move(options))) {
    log::error("{}", failure->message);
    return failure->exit_status;
  }
  auto code = std::make_unique<box::CodeStore>(code_cache_);
  {
    const KernelGuard guard(runtime.host().lock);
    const process::Process &program = boxes->original().first_process();
    code->load(runtime.host().machine, program.leader()->name, *program.executable_file);
  }
  if (!no_seccomp_)
    box::install_host_filter(filter);
  runtime.start();
  const int status = boxes->wait();
  runtime.stop();
  const Nanoseconds wall_time = time::TimerQueue::now() - start;
  {
    const KernelGuard guard(runtime.host().lock);
    code->save(runtime.host().machine);
  }
  code = nullptr;
  if (stats_)
    box::write_stats({runtime, std::move(boxes), wall_time, descriptors_before}, *stats_);
  return exit_status_of(status);
}

} // namespace tine::cli
