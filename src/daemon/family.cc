#include "daemon/family.hpp"

#include "box/code_store.hpp"
#include "box/host_filter.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <set>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>

namespace tine::daemon {
namespace {

/// Output that is taken from a box in one go, before others have their turn.
constexpr std::size_t most_in_one_go = std::size_t{1} << 20;
constexpr std::size_t read_size = std::size_t{64} << 10;
constexpr char end_of_transmission = 4; // VEOF

/// The watch must hear of the end, of output, and of room for input. With the kernel lock.
void watch_box(KeptBox &kept) {
  kept.watch->wait_on(kept.box->first_process().exited);
  for (const Ref<fs::File> &end : kept.kernel().console)
    if (end)
      kept.watch->wait_on(*end->wait_queue());
}

} // namespace

struct Family::Code {
  explicit Code(const std::string &directory) : store(directory) {}
  box::CodeStore store;
};

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Family::Family(FamilyOptions options)
    : options_(std::move(options)), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)),
      runtime_(options_.runtime), code_(std::make_unique<Code>(options_.code_cache)) {
  if (!null_)
    throw std::runtime_error("/dev/null can't be opened");
  const auto request = [](void *family, fs::BoxControl &control) {
    auto &self = *static_cast<Family *>(family);
    self.requests_.emplace_back(&control);
    self.wakeup_.raise();
  };
  options_.box.control = make_ref<fs::BoxControl>(request, this);
}

Family::~Family() {
  {
    const KernelGuard guard(lock());
    requests_.clear();
  }
  for (const auto &kept : boxes_) {
    const KernelGuard guard(lock());
    kept->watch = nullptr;
    kept->control = nullptr;
  }
}

std::optional<box::StartFailure> Family::start() {
  auto first = std::make_shared<KeptBox>(wakeup_, options_.log_bytes);
  first->name = options_.name;
  const bool restores = static_cast<bool>(options_.snapshot);
  if (auto failure = restores ? restore_first(*first) : start_first(*first))
    return failure;
  {
    const KernelGuard guard(lock());
    const process::Process &program = first->box->first_process();
    if (program.executable_file)
      code_->store.load(runtime_.host().machine, program.leader()->name, *program.executable_file);
    first->control = std::move(options_.box.control);
  }
  if (::chdir("/") != 0)
    return box::StartFailure{"the host's / can't be entered"};
  keep(first);
  if (auto failure = start_runtime())
    return failure;
  for (int made = 1; made < options_.restores; ++made) {
    auto forked = fork(*first);
    if (auto *failure = std::get_if<box::StartFailure>(&forked))
      return std::move(*failure);
  }
  if (restores)
    first->box->thaw();
  return std::nullopt;
}

std::optional<box::StartFailure> Family::start_first(KeptBox &first) {
  first.box = std::make_unique<box::Box>(runtime_);
  if (auto failure = first.box->start(options_.box))
    return failure;
  const KernelGuard guard(lock());
  const fs::FileSystemContext &context = *first.box->first_process().leader()->fs;
  options_.box.working_directory = fs::path_name(context.working_directory, context.root);
  return std::nullopt;
}

/// The box runs when the others were forked from it.
std::optional<box::StartFailure> Family::restore_first(KeptBox &first) {
  box::RestoreOptions restore;
  restore.writable = options_.writable;
  restore.host_network = options_.box.host_network;
  restore.control = options_.box.control;
  restore.frozen = true;
  box::Surroundings surroundings;
  auto restored =
      box::Box::restore(runtime_, std::move(options_.snapshot), std::move(restore), surroundings);
  if (auto *failure = std::get_if<box::StartFailure>(&restored))
    return std::move(*failure);
  first.box = std::move(std::get<std::unique_ptr<box::Box>>(restored));
  options_.box.environment = std::move(surroundings.environment);
  options_.box.working_directory = std::move(surroundings.working_directory);
  options_.box.uid = surroundings.uid;
  options_.box.gid = surroundings.gid;
  options_.box.groups = std::move(surroundings.groups);
  return std::nullopt;
}

/// The threads that run guest code inherit the filter of the one that makes them.
std::optional<box::StartFailure> Family::start_runtime() {
  std::string problem;
  std::thread maker([&] {
    try {
      if (options_.limit_host_calls)
        install_filter(false);
      runtime_.start();
    } catch (const std::runtime_error &error) {
      problem = error.what();
    }
  });
  maker.join();
  if (!problem.empty())
    return box::StartFailure{problem};
  if (options_.limit_host_calls)
    install_filter(true);
  return std::nullopt;
}

void Family::install_filter(bool answers_commands) {
  const auto &binds = options_.box.binds;
  box::install_host_filter(
      {.host_files_change = std::any_of(binds.begin(), binds.end(),
                                        [](const box::Bind &bind) { return bind.writable; }) ||
                            !options_.writable.empty(),
       .host_network = options_.box.host_network,
       .keeps_code = answers_commands && options_.code_cache != "off",
       .answers_commands = answers_commands});
}

void Family::finish() {
  runtime_.stop();
  const KernelGuard guard(lock());
  code_->store.save(runtime_.host().machine);
}

std::shared_ptr<KeptBox> Family::find(const std::string &name) const {
  const auto found = std::find_if(boxes_.begin(), boxes_.end(),
                                  [&](const auto &kept) { return kept->name == name; });
  return found == boxes_.end() ? nullptr : *found;
}

void Family::keep(const std::shared_ptr<KeptBox> &kept) {
  kept->started = time::TimerQueue::now();
  boxes_.push_back(kept);
  const KernelGuard guard(lock());
  watch_box(*kept);
  wakeup_.raise(); // it may have written, or ended, before it was watched
}

std::variant<std::shared_ptr<KeptBox>, box::StartFailure> Family::fork(KeptBox &original,
                                                                       fs::ForkRights rights) {
  // What a client gave to one of its processes is the client's: the copy has nothing of it.
  fs::StandardStreams streams;
  for (UniqueFd &stream : streams.descriptors)
    stream = UniqueFd(::fcntl(null_.get(), F_DUPFD_CLOEXEC, 3));
  auto forked = original.box->fork(std::move(streams), rights);
  if (auto *failure = std::get_if<box::StartFailure>(&forked))
    return std::move(*failure);
  auto kept = std::make_shared<KeptBox>(wakeup_, options_.log_bytes);
  kept->name = fmt::format("{}-{}", options_.name, ++last_number_);
  kept->parent = original.name;
  kept->box = std::move(std::get<std::unique_ptr<box::Box>>(forked));
  {
    // Also if it wasn't for them: the copies of threads that ask for a fork just now have one.
    const KernelGuard guard(lock());
    kept->control = original.control->answer_fork(static_cast<i64>(last_number_));
    if (!kept->control) // restored from a file of a program that gives its boxes none
      kept->control = make_ref<fs::BoxControl>([](void *, fs::BoxControl &) {}, nullptr);
  }
  keep(kept);
  return kept;
}

namespace {
BoxState state_of(const KeptBox &kept, memory::SharedNodePages &known) {
  BoxState state;
  state.state = kept.wait_status ? "exited" : kept.frozen ? "paused" : "running";
  if (kept.wait_status)
    state.exit_status = shell_status(*kept.wait_status);
  state.age = time::TimerQueue::now() - kept.started;
  std::set<const memory::AddressSpace *> seen;
  for (const auto &[pid, process] : kept.kernel().processes()) {
    if (process->is_zombie() || pid == process::Kernel::reaper_pid) // that runs nothing
      continue;
    ++state.processes;
    const memory::AddressSpace *space = process->leader()->memory.get();
    if (space == nullptr || !seen.insert(space).second)
      continue;
    const memory::Footprint footprint = space->footprint(known);
    state.owned_bytes += footprint.owned;
    state.shared_bytes += footprint.shared;
  }
  return state;
}
} // namespace

std::vector<BoxState> Family::states_of(std::span<const std::shared_ptr<KeptBox>> boxes) {
  const KernelGuard guard(lock());
  memory::SharedNodePages known;
  std::vector<BoxState> states;
  states.reserve(boxes.size());
  for (const auto &kept : boxes)
    states.push_back(state_of(*kept, known));
  return states;
}

void Family::signal(KeptBox &kept, int number) {
  if (number == SIGKILL) {
    set_frozen(kept, false);
    kept.box->kill();
    return;
  }
  const KernelGuard guard(lock());
  process::Process &main = kept.box->first_process();
  if (number != 0 && !main.is_zombie())
    process::send_signal(main, process::kernel_signal(number));
}

void Family::set_frozen(KeptBox &kept, bool frozen) {
  if (kept.frozen == frozen)
    return;
  kept.frozen = frozen;
  frozen ? kept.box->freeze() : kept.box->thaw();
}

void Family::remove(KeptBox &kept) {
  {
    const KernelGuard guard(lock());
    kept.watch = nullptr;
    kept.control = nullptr;
  }
  std::erase_if(boxes_, [&](const auto &other) { return other.get() == &kept; });
}

box::Surroundings Family::surroundings() const {
  return {options_.box.environment, options_.box.working_directory, options_.box.uid,
          options_.box.gid, options_.box.groups};
}

box::BoxOptions Family::program_options() const {
  box::BoxOptions options;
  options.environment = options_.box.environment;
  options.working_directory = options_.box.working_directory;
  options.uid = options_.box.uid;
  options.gid = options_.box.gid;
  options.groups = options_.box.groups;
  return options;
}

void Family::carry_out_requests() {
  std::vector<Ref<fs::BoxControl>> requests;
  {
    const KernelGuard guard(lock());
    requests = std::move(requests_);
    requests_.clear();
  }
  for (Ref<fs::BoxControl> &control : requests) {
    const auto kept = std::find_if(boxes_.begin(), boxes_.end(),
                                   [&](const auto &box) { return box->control == control; });
    KernelGuard guard(lock());
    // One fork answers all threads of the box that had asked by then.
    if (kept != boxes_.end() && control->is_asked() && boxes_.size() >= box::most_boxes) {
      control->refuse(Errno{ENOSPC});
    } else if (kept != boxes_.end() && control->is_asked()) {
      guard.unlock();
      const std::shared_ptr<KeptBox> original = *kept; // fork() adds to the list
      const auto forked = fork(*original);
      guard.lock();
      if (const auto *failure = std::get_if<box::StartFailure>(&forked)) {
        control->refuse(Errno{ENOTSUP});
        original->log.append(LogStream::error, fmt::format("tine: {}\n", failure->message));
      }
    }
    control = nullptr;
  }
}

void Family::collect() {
  carry_out_requests();
  std::vector<std::shared_ptr<KeptBox>> changed;
  {
    const KernelGuard guard(lock());
    for (const auto &kept : boxes_)
      if (kept->watch->take_changed())
        changed.push_back(kept);
  }
  for (const auto &kept : changed)
    collect_box(*kept);
}

void Family::look_at(KeptBox &kept) {
  const KernelGuard guard(lock());
  if (kept.watch)
    kept.watch->set_changed();
  wakeup_.raise();
}

void Family::collect_box(KeptBox &kept) {
  bool has_ended = false;
  {
    const KernelGuard guard(lock());
    const process::Process &main = kept.box->first_process();
    has_ended = main.is_zombie() && !kept.wait_status;
    if (has_ended)
      kept.wait_status = main.exit_status;
    kept.output_ended = take_output(kept) && kept.wait_status.has_value();
  }
  if (has_ended)
    signal(kept, SIGKILL); // the rest of its processes
  if (kept.output_ended && options_.remove_at_end)
    remove(kept);
}

/// Whether all has been taken. With the kernel lock.
bool Family::take_output(KeptBox &kept) {
  std::byte bytes[read_size];
  std::size_t taken = 0;
  const auto &console = kept.kernel().console;
  for (std::size_t index = 0; index < console.size(); ++index) {
    const bool is_input = index == 0 && !kept.has_terminal();
    if (!console[index] || is_input)
      continue;
    const LogStream stream = index == 2 ? LogStream::error : LogStream::output;
    for (;;) {
      u64 room = read_size;
      for (const auto &[reader, offset] : kept.readers)
        room = std::min(room, kept.log.room_after(offset));
      kept.held_back = room == 0;
      if (kept.held_back)
        return false; // whoever reads it says when there is room again
      if (taken >= most_in_one_go) {
        kept.watch->set_changed();
        wakeup_.raise();
        return false;
      }
      memory::IoBuffer to(std::span<std::byte>(bytes, room));
      const Result<u64> count = console[index]->read(to);
      if (!count || *count == 0)
        break;
      kept.log.append(stream, {reinterpret_cast<const char *>(bytes), *count});
      taken += *count;
    }
  }
  return true;
}

std::size_t Family::write_input(KeptBox &kept, std::string_view bytes) {
  const KernelGuard guard(lock());
  const Ref<fs::File> &input = kept.kernel().console[0];
  if (!input || kept.wait_status)
    return bytes.size(); // nobody reads it any more
  std::size_t done = 0;
  while (done < bytes.size()) {
    memory::IoBuffer from(std::as_bytes(std::span(bytes.substr(done))));
    const Result<u64> count = input->write(from);
    if (!count)
      return count.error() == Errno{EAGAIN} ? done : bytes.size();
    done += *count;
  }
  return done;
}

void Family::end_input(KeptBox &kept) {
  if (kept.has_terminal()) {
    write_input(kept, {&end_of_transmission, 1});
    return;
  }
  const KernelGuard guard(lock());
  kept.kernel().console[0] = nullptr;
}

void Family::note_message(std::string_view text) {
  for (const auto &kept : boxes_)
    if (!kept->wait_status)
      kept->log.append(LogStream::error, text);
}

} // namespace tine::daemon
