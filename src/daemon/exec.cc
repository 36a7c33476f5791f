// `tine exec`: a further process in a box, with the client's own standard streams or a terminal.
#include "daemon/session.hpp"

#include "fs/device_fs.hpp"
#include "process/lifecycle.hpp"
#include "process/signals.hpp"

#include <fmt/format.h>

namespace tine::daemon {
namespace {

constexpr std::size_t most_arguments = 100'000;

/// The process goes on if the client goes away, but for its terminal, which hangs up.
class Executing final : public Activity {
public:
  Executing(Family &family, std::shared_ptr<KeptBox> kept, box::AddedProcess started)
      : family_(family), kept_(std::move(kept)), started_(std::move(started)) {
    const KernelGuard guard(family_.lock());
    watch_ = std::make_unique<Watch>(family_.wakeup());
    watch_->wait_on(started_.process->exited);
    if (started_.terminal)
      watch_->wait_on(*started_.terminal->wait_queue());
    family_.wakeup().raise();
  }
  ~Executing() override {
    const KernelGuard guard(family_.lock());
    watch_ = nullptr;
    started_ = {};
  }

  void go_on(Session &session) override {
    const KernelGuard guard(family_.lock());
    write_input();
    const bool all = send_output(session);
    if (!started_.process->is_zombie() || !all)
      return;
    session.send({{"exit", shell_status(started_.process->exit_status)}});
    session.finish();
  }

  Status take(Session &, const Frame &frame) override {
    const KernelGuard guard(family_.lock());
    if (frame.type == FrameType::input) {
      input_ += frame.payload;
      write_input();
      return Done{};
    }
    const json message = TINE_TRY(parse_message(frame));
    if (const auto number = message.find("signal"); number != message.end())
      return send_signal(number->get<int>());
    if (message.contains("rows") && started_.terminal)
      fs::set_terminal_size(*started_.terminal, window_size(message));
    return Done{};
  }
  bool is_ready() const override { return input_.empty(); }

private:
  void write_input() {
    while (!input_.empty() && started_.terminal && !started_.process->is_zombie()) {
      memory::IoBuffer from(std::as_bytes(std::span(std::string_view(input_))));
      const Result<u64> count = started_.terminal->write(from);
      if (!count && count.error() == Errno{EAGAIN})
        return;
      input_.erase(0, count ? *count : input_.size());
    }
    if (!started_.terminal || started_.process->is_zombie())
      input_.clear();
  }
  /// Whether all that there is was sent.
  bool send_output(Session &session) {
    while (started_.terminal) {
      if (!session.has_room())
        return false;
      std::byte bytes[4096];
      memory::IoBuffer to{std::span<std::byte>(bytes)};
      const Result<u64> count = started_.terminal->read(to);
      if (!count || *count == 0)
        return true;
      session.send(FrameType::output, {reinterpret_cast<const char *>(bytes), *count});
    }
    return true;
  }
  Status send_signal(int number) {
    if (number < 1 || number > 64)
      return Errno{EPROTO};
    process::Process &process = *started_.process;
    if (!process.is_zombie())
      process::send_signal_to_group(process.kernel, process.group, process::kernel_signal(number));
    return Done{};
  }

  Family &family_;
  std::shared_ptr<KeptBox> kept_; ///< a removed box is there until its process was let go
  box::AddedProcess started_;
  std::unique_ptr<Watch> watch_;
  std::string input_;
};

/// What the request says about the program; what it doesn't say is as the box began.
void read_program(const json &request, box::BoxOptions &options) {
  for (const json &argument : request.at("arguments"))
    options.arguments.push_back(bytes_of(argument.get<std::string>()));
  options.program = options.arguments.empty() ? "" : options.arguments.front();
  for (const auto &text : request.value("environment", std::vector<std::string>())) {
    const std::string setting = bytes_of(text);
    const std::string name = setting.substr(0, setting.find('=') + 1);
    std::erase_if(options.environment,
                  [&](const std::string &entry) { return entry.starts_with(name); });
    options.environment.push_back(setting);
  }
  if (const auto directory = request.find("working_directory"); directory != request.end())
    options.working_directory = bytes_of(directory->get<std::string>());
  if (const auto user = request.find("user"); user != request.end()) {
    options.uid = user->at("uid").get<u32>();
    options.gid = user->at("gid").get<u32>();
    options.groups = user->at("groups").get<std::vector<u32>>();
  }
}

} // namespace

struct winsize window_size(const json &message) {
  struct winsize size {};
  size.ws_row = message.value("rows", u16{0});
  size.ws_col = message.value("columns", u16{0});
  return size;
}

void begin_exec(Session &session, std::shared_ptr<KeptBox> kept, const json &request) {
  box::BoxOptions options = session.family().program_options();
  read_program(request, options);
  const bool terminal = request.value("terminal", false);
  std::vector<UniqueFd> &given = session.descriptors();
  if (options.program.empty() || options.arguments.size() > most_arguments)
    return session.fail("exec: no program is named");
  if (given.size() != (terminal ? 0 : most_descriptors))
    return session.fail("exec: standard input, output and error are missing");
  options.console = terminal ? box::Console::terminal : box::Console::none;
  for (std::size_t index = 0; index < given.size(); ++index)
    options.streams.descriptors[index] = std::move(given[index]);
  auto started = kept->box->add_process(options);
  if (const auto *failure = std::get_if<box::StartFailure>(&started))
    return session.fail(failure->message, failure->exit_status);
  auto &added = std::get<box::AddedProcess>(started);
  if (terminal && request.contains("rows")) {
    const KernelGuard guard(session.family().lock());
    fs::set_terminal_size(*added.terminal, window_size(request));
  }
  session.send({{"pid", added.process->pid.value}});
  session.begin(std::make_unique<Executing>(session.family(), std::move(kept), std::move(added)));
}

} // namespace tine::daemon
