#include "cli/box_commands.hpp"

#include "base/log.hpp"
#include "base/new_file.hpp"
#include "cli/box_list.hpp"
#include "cli/conversation.hpp"
#include "cli/parse.hpp"
#include "daemon/directory.hpp"
#include "daemon/server.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/core.h>
#include <thread>

namespace tine::cli {

using daemon::Connection;
using daemon::Failure;
using daemon::json;

daemon::Connection connect_to(const std::string &box) {
  daemon::check_box_name(box);
  daemon::FamilyDirectory directory;
  UniqueFd socket = directory.connect(daemon::family_of(box));
  if (!socket)
    throw Failure(fmt::format("there is no box {}", box));
  return Connection(std::move(socket));
}

BoxCommands::BoxCommands(CLI::App &app) {
  add_looking(app);
  add_changing(app);
  add_saving(app);
  add_exec(app);
  add_streams(app);
}

CLI::App *BoxCommands::add(CLI::App &app, const char *name, const char *description, Run run) {
  CLI::App *command = app.add_subcommand(name, description);
  commands_.emplace_back(command, std::move(run));
  return command;
}

void BoxCommands::add_looking(CLI::App &app) {
  CLI::App *ps = add(app, "ps", "List the boxes in the background", [this] { return this->ps(); });
  ps->add_flag("-q,--quiet", quiet_, "Names alone");
  ps->add_flag("--json", json_, "As JSON, one object for each box")->excludes("--quiet");
  ps->footer(
      "OWNED is memory that the box's processes alone can reach, SHARED the rest of what they "
      "have in\nmemory: with files' pages, with forks, with each other.\n"
      "Example: tine ps --json | jq 'select(.state == \"running\").name'");

  CLI::App *logs =
      add(app, "logs", "Print what a box wrote, the latest of it", [this] { return this->logs(); });
  logs->add_option("BOX", box_, "Its name")->required();
  logs->add_flag("-f,--follow", follow_, "Go on until the box ends");
  logs->add_option("--tail", tail_, "The last lines alone");
  logs->footer("Example: tine logs -f --tail 10 base-2");

  CLI::App *diff =
      add(app, "diff", "List the files that a box changed: A added, C changed, D deleted",
          [this] { return this->diff(); });
  diff->add_option("BOX", box_, "Its name")->required();

  CLI::App *wait = add(app, "wait",
                       "Wait for the end of boxes; the exit status is that of the last "
                       "one named",
                       [this] { return this->wait(); });
  wait->add_option("BOX", boxes_, "Their names")->required();
}

void BoxCommands::add_changing(CLI::App &app) {
  CLI::App *fork = add(app, "fork",
                       "Fork a running box: its processes, memory and files, at one "
                       "instant; prints the names of the forks",
                       [this] { return this->fork(); });
  fork->add_option("BOX", box_, "Its name")->required();
  fork->add_option("-n,--count", count_, "How many")->check(CLI::Range(1, 10'000));
  fork->add_flag("--listen", listen_,
                 "With --net=host: what listens goes on in the forks, too; each connection goes to "
                 "who accepts it first");
  fork->add_flag("--with-secrets", with_secrets_, "The forks have the files of run --secret, too");
  fork->footer(
      "Example: for box in $(tine fork base -n 3); do echo 'explore()' | tine attach $box & "
      "done");

  CLI::App *kill = add(app, "kill", "End boxes, or send a signal to their main process",
                       [this] { return this->kill(); });
  kill->add_option("-s,--signal", signal_, "A name or a number; default: KILL, to every process");
  kill->add_option("BOX", boxes_, "Their names")->required();

  CLI::App *pause = add(app, "pause", "Let no process of boxes run, until tine resume", [this] {
    return request_for_each({{"command", "pause"}});
  });
  pause->add_option("BOX", boxes_, "Their names")->required();
  CLI::App *resume = add(app, "resume", "Let paused boxes go on", [this] {
    return request_for_each({{"command", "resume"}});
  });
  resume->add_option("BOX", boxes_, "Their names")->required();

  CLI::App *remove =
      add(app, "rm", "Remove boxes that have ended, with their files and logs", [this] {
        return request_for_each({{"command", "remove"}, {"force", force_}});
      });
  remove->add_flag("-f,--force", force_, "End those that run");
  remove->add_option("BOX", boxes_, "Their names")->required();
  remove->footer("Example: tine rm -f $(tine ps -q)");

  CLI::App *cp = add(app, "cp", "Copy a file or a directory out of a box, or into it",
                     [this] { return copy_files(source_, destination_); });
  cp->add_option("SOURCE", source_, "PATH or BOX:PATH")->required();
  cp->add_option("DESTINATION", destination_, "PATH or BOX:PATH; a directory that exists: into it")
      ->required();
  cp->footer("Examples:\n  tine cp base-2:/etc/x .\n  tine cp data base-2:/tmp/");
}

void BoxCommands::add_saving(CLI::App &app) {
  CLI::App *save = add(app, "save",
                       "Save a running box to a file: its processes, memory and files, at one "
                       "instant; the box runs on",
                       [this] { return this->save(); });
  save->add_option("BOX", box_, "Its name")->required();
  save->add_option("FILE", file_, "The file; replaced when it is whole, if there is one")
      ->required();
  save->footer("Example: tine save base app.tine");

  CLI::App *restore = add(app, "restore",
                          "Let a saved box go on, in the background; prints the names of the new "
                          "boxes",
                          [this] { return this->restore(); });
  restore->add_option("FILE", file_, "What tine save wrote; it is needed as long as they run")
      ->required();
  restore->add_option("-n,--count", count_, "How many")->check(CLI::Range(1, 10'000));
  restore->add_option("--name", name_, "Name of the first box; default: the file's");
  restore->add_option("--memory", memory_, "Most memory that the boxes may use: 512M, 4G");
  restore->add_option("--cpus", cpus_, "vCPUs; default: one per core")->check(CLI::Range(1, 256));
  restore
      ->add_option("--allow-write", writable_,
                   "A host directory that the box had with --bind ...:rw: it may go on writing")
      ->allow_extra_args(false);
  restore->add_option("--net", network_, "host: the box may go on using the host's network")
      ->check(CLI::IsMember({"none", "host"}));
  restore->add_flag("--rm", remove_at_end_, "Remove each box when it ends");
  restore->add_flag("--no-seccomp", no_seccomp_,
                    "Do not limit the host's system calls that tine itself may make");
  restore->footer("Example: for box in $(tine restore app.tine -n 10); do tine attach $box & done");
}

void BoxCommands::add_exec(CLI::App &app) {
  exec_ = add(app, "exec", "Run a further program in a box; the exit status is the program's",
              [this] { return this->exec(); });
  exec_->prefix_command();
  exec_->add_option("BOX", box_, "Its name")->required();
  exec_->add_flag("-i,--interactive", interactive_, "With the caller's standard input");
  exec_->add_flag("-t,--tty", terminal_, "With a terminal of the box");
  exec_->add_option("--env", environment_, "K=V, or K to take over the caller's value")
      ->allow_extra_args(false);
  exec_->add_option("--workdir", working_directory_,
                    "Working directory in the box; default: where the box began");
  exec_->add_option("--user", user_, "UID[:GID] or a name; default: as the box began");
  exec_->footer(
      "Examples:\n  tine exec base-2 -- sh -c 'ls /proc'\n  tine exec -it base-2 -- bash");
}

void BoxCommands::add_streams(CLI::App &app) {
  CLI::App *attach = add(app, "attach",
                         "Connect standard input and output to a box's main process, "
                         "until it ends; the exit status is the program's",
                         [this] { return this->attach(); });
  attach->add_option("BOX", box_, "Its name")->required();
  CLI::Option *none = attach->add_flag("--no-stdin", no_input_, "Its output alone");
  attach
      ->add_flag("--keep-open", keep_input_open_,
                 "At the end of standard input, leave the box's open and detach")
      ->excludes(none);
  attach->add_flag("--logs", from_start_, "First what it wrote before");
  attach->footer("On a box with a terminal (tine run -dt) ctrl-p ctrl-q detaches.\n"
                 "Example: echo 'print(6 * 7)' | tine attach base-2");
}

std::optional<int> BoxCommands::execute() {
  for (const auto &[command, run] : commands_) {
    if (!command->parsed())
      continue;
    if (after_separator_ && command != exec_)
      throw std::invalid_argument(
          fmt::format("{0}: what is --? See tine {0} --help", command->get_name()));
    return run();
  }
  return std::nullopt;
}

int BoxCommands::for_each_box(const std::function<void(const std::string &name)> &act) {
  int status = 0;
  for (const std::string &name : boxes_) {
    try {
      act(name);
    } catch (const std::exception &error) {
      log::error("{}", error.what());
      status = daemon::own_failure;
    }
  }
  return status;
}

int BoxCommands::request_for_each(const json &request) {
  return for_each_box([&](const std::string &name) {
    json one = request;
    one["box"] = name;
    static_cast<void>(connect_to(name).request(one));
  });
}

int BoxCommands::ps() {
  return list_boxes(quiet_ ? ListStyle::names : json_ ? ListStyle::json : ListStyle::table);
}

int BoxCommands::fork() {
  Connection connection = connect_to(box_);
  connection.send({{"command", "fork"},
                   {"box", box_},
                   {"count", count_},
                   {"listen", listen_},
                   {"secrets", with_secrets_}});
  const auto frame = connection.receive();
  if (!frame)
    throw Failure("the background process of the box has gone away");
  auto answer = daemon::parse_message(*frame);
  if (answer && answer->contains("names")) // also of those that were made before one failed
    for (const json &name : (*answer)["names"])
      fmt::print("{}\n", name.get<std::string>());
  static_cast<void>(answer ? daemon::checked(*answer) : json());
  return 0;
}

int BoxCommands::save() {
  Connection connection = connect_to(box_);
  auto file = NewFile::create(file_);
  if (!file)
    throw Failure(fmt::format("{}: {}", file_, ::strerror(static_cast<int>(file.error()))));
  const int descriptors[] = {file->descriptor()};
  static_cast<void>(connection.request({{"command", "save"}, {"box", box_}}, descriptors));
  if (const Status status = file->commit(); !status)
    throw Failure(fmt::format("{}: {}", file_, ::strerror(static_cast<int>(status.error()))));
  return 0;
}

int BoxCommands::restore() {
  daemon::FamilyOptions options;
  options.snapshot = UniqueFd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!options.snapshot)
    throw Failure(fmt::format("{}: {}", file_, ::strerror(errno)));
  options.name = name_;
  options.box.program = std::filesystem::path(file_).stem().string();
  options.box.host_network = network_ == "host";
  options.runtime.vcpus = cpus_ != 0 ? cpus_ : std::max(1U, std::thread::hardware_concurrency());
  if (!memory_.empty())
    options.runtime.memory_bytes = parse_size(memory_);
  options.restores = count_;
  for (const std::string &directory : writable_)
    options.writable.push_back(std::filesystem::absolute(directory).string());
  options.remove_at_end = remove_at_end_;
  options.limit_host_calls = !no_seccomp_;
  try {
    for (const std::string &name : daemon::start_in_background(std::move(options)))
      fmt::print("{}\n", name);
  } catch (const Failure &failure) {
    throw Failure(fmt::format("{}: {}", file_, failure.what()), failure.exit_status);
  }
  return 0;
}

int BoxCommands::wait() {
  int last = 0;
  const int status = for_each_box([&](const std::string &name) {
    last = connect_to(name).request({{"command", "wait"}, {"box", name}}).at("exit").get<int>();
  });
  return status != 0 ? status : last;
}

int BoxCommands::kill() {
  return request_for_each({{"command", "kill"}, {"signal", parse_signal(signal_)}});
}

int BoxCommands::logs() {
  Connection connection = connect_to(box_);
  json request = {{"command", "logs"}, {"box", box_}, {"follow", follow_}};
  if (tail_)
    request["tail"] = *tail_;
  connection.send(request);
  static_cast<void>(Conversation(connection, InputUse::none, SignalUse::default_action).run());
  return 0;
}

int BoxCommands::diff() {
  Connection connection = connect_to(box_);
  connection.send({{"command", "diff"}, {"box", box_}});
  static_cast<void>(Conversation(connection, InputUse::none, SignalUse::default_action).run());
  return 0;
}

int BoxCommands::attach() {
  Connection connection = connect_to(box_);
  json request = {{"command", "attach"}, {"box", box_}, {"from_start", from_start_}};
  add_terminal_size(request);
  const bool terminal = connection.request(request).at("terminal").get<bool>();
  const InputUse input = no_input_          ? InputUse::none
                         : keep_input_open_ ? InputUse::send_without_end
                                            : InputUse::send;
  Conversation conversation(connection, input, SignalUse::default_action);
  if (terminal && !no_input_ && ::isatty(STDIN_FILENO) == 1)
    conversation.use_terminal();
  return conversation.run().value_or(0);
}

namespace {

UniqueFd duplicate(int fd) {
  UniqueFd made(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  return made ? std::move(made) : UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

/// The program gets the caller's own streams, but no terminal: one that the caller has is behind a
/// pipe.
std::vector<UniqueFd> program_streams(bool with_input, Conversation &conversation) {
  std::vector<UniqueFd> streams;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const bool is_input = fd == STDIN_FILENO;
    if (is_input && !with_input) {
      streams.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    } else if (::isatty(fd) != 1) {
      streams.push_back(duplicate(fd));
    } else {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0)
        throw Failure("the host gives no pipe");
      UniqueFd given(ends[is_input ? 0 : 1]), kept(ends[is_input ? 1 : 0]);
      const int own = kept.get();
      streams.push_back(std::move(given));
      if (is_input)
        conversation.add({STDIN_FILENO, {}, own, std::move(kept), false});
      else
        conversation.add({own, std::move(kept), fd, {}, true});
    }
  }
  return streams;
}

json user_message(const std::string &user) {
  box::BoxOptions options;
  parse_user(user, options);
  return {{"uid", options.uid}, {"gid", options.gid}, {"groups", options.groups}};
}

} // namespace

int BoxCommands::exec() {
  json request = {{"command", "exec"}, {"box", box_}, {"terminal", terminal_}};
  request["arguments"] = json::array();
  for (const std::string &argument :
       program_and_arguments(exec_->remaining(), after_separator_, "exec"))
    request["arguments"].push_back(daemon::text_of(argument));
  request["environment"] = json::array();
  for (const std::string &setting : make_environment(true, environment_))
    request["environment"].push_back(daemon::text_of(setting));
  if (!working_directory_.empty())
    request["working_directory"] = daemon::text_of(working_directory_);
  if (!user_.empty())
    request["user"] = user_message(user_);
  Connection connection = connect_to(box_);
  const InputUse input = terminal_ && interactive_ ? InputUse::send : InputUse::none;
  Conversation conversation(connection, input,
                            terminal_ ? SignalUse::default_action : SignalUse::forward);
  if (terminal_) {
    if (interactive_ && ::isatty(STDIN_FILENO) == 1)
      conversation.use_terminal();
    add_terminal_size(request);
    static_cast<void>(connection.request(request));
  } else {
    const std::vector<UniqueFd> streams = program_streams(interactive_, conversation);
    const int descriptors[] = {streams[0].get(), streams[1].get(), streams[2].get()};
    static_cast<void>(connection.request(request, descriptors));
  }
  return conversation.run().value_or(0);
}

} // namespace tine::cli
