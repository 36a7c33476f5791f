// What a client may ask for.
#include "daemon/session.hpp"

#include "fs/device_fs.hpp"
#include "fs/tree_changes.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace tine::daemon {
namespace {

constexpr int most_forks = 10'000; ///< by one command

using Handler = void (*)(Session &session, const json &request);

/// The box that the request names; null after it was refused.
std::shared_ptr<KeptBox> named_box(Session &session, const json &request) {
  const auto name = request.at("box").get<std::string>();
  auto kept = session.family().find(name);
  if (!kept)
    session.fail(fmt::format("there is no box {}", name));
  return kept;
}

json exit_message(const KeptBox &kept) {
  return {{"exit", shell_status(*kept.wait_status)}};
}

/// Until the box has ended and all of its output is in the log.
class Ending final : public Activity {
public:
  using Then = void (*)(Session &session, KeptBox &kept);
  Ending(std::shared_ptr<KeptBox> kept, Then then) : kept_(std::move(kept)), then_(then) {}
  void go_on(Session &session) override {
    if (!kept_->wait_status)
      return;
    then_(session, *kept_);
    session.finish();
  }

private:
  std::shared_ptr<KeptBox> kept_;
  Then then_;
};

/// Sends the output as it comes.
class Following : public Activity {
public:
  struct Range {
    u64 from = 0;
    std::optional<u64> to; ///< nothing: to the end of the box
  };
  Following(std::shared_ptr<KeptBox> kept, Range range)
      : kept_(std::move(kept)), at_(range.from), to_(range.to) {}

  void go_on(Session &session) override {
    const OutputLog &log = kept_->log;
    while (session.has_room() && at_ < to_.value_or(log.end())) {
      if (at_ < log.begin() && at_ != 0)
        session.send(FrameType::error, fmt::format("tine: {} bytes of output are lost: the log is "
                                                   "shorter\n",
                                                   log.begin() - at_));
      const auto piece = log.piece_at(at_);
      session.send(piece->stream == LogStream::error ? FrameType::error : FrameType::output,
                   piece->bytes);
      at_ = piece->end;
    }
    const bool all = at_ >= to_.value_or(log.end()) && (to_ || kept_->output_ended);
    if (!all)
      return;
    session.send(kept_->wait_status ? exit_message(*kept_) : json{{"done", true}});
    session.finish();
  }

protected:
  std::shared_ptr<KeptBox> kept_;
  u64 at_;
  std::optional<u64> to_;
};

/// The same, with input; nothing of the output is lost: the box waits until it was sent.
class Attachment final : public Following {
public:
  Attachment(Family &family, std::shared_ptr<KeptBox> kept, u64 from)
      : Following(std::move(kept), {from, {}}), family_(family) {
    kept_->readers.emplace(this, std::max(from, kept_->log.begin()));
  }
  ~Attachment() override {
    kept_->readers.erase(this);
    go_on_reading();
  }

  void go_on(Session &session) override {
    if (!input_.empty())
      write_input();
    Following::go_on(session);
    kept_->readers[this] = std::max(at_, kept_->log.begin());
    go_on_reading();
  }
  /// A frame comes when the input before it was taken.
  Status take(Session &session, const Frame &frame) override {
    if (frame.type == FrameType::input) {
      input_ += frame.payload;
      write_input();
      return Done{};
    }
    const json message = TINE_TRY(parse_message(frame));
    if (message.contains("end_input"))
      family_.end_input(*kept_);
    if (message.contains("rows"))
      set_size(message);
    if (message.contains("detach")) {
      session.send({{"done", true}});
      session.finish();
    }
    return Done{};
  }
  bool is_ready() const override { return input_.empty(); }

  void set_size(const json &message) {
    const KernelGuard guard(family_.lock());
    const Ref<fs::File> &terminal = kept_->kernel().console[0];
    if (terminal && kept_->has_terminal())
      fs::set_terminal_size(*terminal, window_size(message));
  }

private:
  void write_input() { input_.erase(0, family_.write_input(*kept_, input_)); }
  void go_on_reading() {
    if (std::exchange(kept_->held_back, false))
      family_.look_at(*kept_);
  }

  Family &family_;
  std::string input_; ///< what the box has no room for yet
};

json description(const KeptBox &kept, const BoxState &state) {
  json box = {{"name", kept.name},
              {"parent", kept.parent},
              {"state", state.state},
              {"processes", state.processes},
              {"owned_bytes", state.owned_bytes},
              {"shared_bytes", state.shared_bytes},
              {"age_ms", state.age / 1'000'000}};
  if (kept.wait_status)
    box["exit_status"] = state.exit_status;
  return box;
}

/// {"boxes": [...]}, in several messages if there are many.
void list(Session &session, const json &request) {
  const bool names_only = request.value("names_only", false);
  constexpr std::size_t boxes_a_message = 100; // and as long as they all stand still
  const std::span kept(session.family().boxes());
  for (std::size_t first = 0; first < kept.size(); first += boxes_a_message) {
    const auto some = kept.subspan(first, std::min(boxes_a_message, kept.size() - first));
    const auto states =
        names_only ? std::vector<BoxState>(some.size()) : session.family().states_of(some);
    json boxes = json::array();
    for (std::size_t i = 0; i < some.size(); ++i)
      boxes.push_back(names_only ? json{{"name", some[i]->name}}
                                 : description(*some[i], states[i]));
    session.send({{"boxes", std::move(boxes)}});
  }
  session.send({{"boxes", json::array()}, {"done", true}});
  session.finish();
}

void fork(Session &session, const json &request) {
  const auto kept = named_box(session, request);
  const int count = request.value("count", 1);
  const fs::ForkRights rights{.listen = request.value("listen", false),
                              .secrets = request.value("secrets", false)};
  if (!kept)
    return;
  if (count < 1 || count > most_forks)
    return session.fail(fmt::format("1 to {} forks at once", most_forks));
  json names = json::array();
  for (int made = 0; made < count; ++made) {
    auto forked = session.family().fork(*kept, rights);
    if (const auto *failure = std::get_if<box::StartFailure>(&forked)) {
      // Those that were made stay, and are named.
      session.send({{"names", names},
                    {"error", fmt::format("{}: {}", kept->name, failure->message)},
                    {"status", failure->exit_status}});
      return session.finish();
    }
    names.push_back(std::get<std::shared_ptr<KeptBox>>(forked)->name);
  }
  session.send({{"names", names}});
  session.finish();
}

void logs(Session &session, const json &request) {
  const auto kept = named_box(session, request);
  if (!kept)
    return;
  Following::Range range;
  if (const auto lines = request.find("tail"); lines != request.end())
    range.from = kept->log.tail(lines->get<u64>());
  if (!request.value("follow", false))
    range.to = kept->log.end();
  session.begin(std::make_unique<Following>(kept, range));
}

void attach(Session &session, const json &request) {
  const auto kept = named_box(session, request);
  if (!kept)
    return;
  session.send({{"terminal", kept->has_terminal()}});
  auto attachment = std::make_unique<Attachment>(
      session.family(), kept, request.value("from_start", false) ? 0 : kept->log.end());
  if (request.contains("rows"))
    attachment->set_size(request);
  session.begin(std::move(attachment));
}

void wait(Session &session, const json &request) {
  if (auto kept = named_box(session, request))
    session.begin(std::make_unique<Ending>(
        std::move(kept), [](Session &asker, KeptBox &ended) { asker.send(exit_message(ended)); }));
}

void kill(Session &session, const json &request) {
  auto kept = named_box(session, request);
  const int number = request.value("signal", SIGKILL);
  if (!kept)
    return;
  if (number < 0 || number > 64)
    return session.fail(fmt::format("there is no signal {}", number));
  if (kept->wait_status)
    return session.fail(fmt::format("{} has ended", kept->name));
  session.family().signal(*kept, number);
  if (number == SIGKILL)
    return session.begin(std::make_unique<Ending>(std::move(kept), [](Session &asker, KeptBox &) {
      asker.send({{"done", true}});
    }));
  session.send({{"done", true}});
  session.finish();
}

void set_frozen(Session &session, const json &request, bool frozen) {
  const auto kept = named_box(session, request);
  if (!kept)
    return;
  if (kept->wait_status)
    return session.fail(fmt::format("{} has ended", kept->name));
  if (kept->frozen == frozen)
    return session.fail(fmt::format("{} is {}", kept->name, frozen ? "paused" : "not paused"));
  session.family().set_frozen(*kept, frozen);
  session.send({{"done", true}});
  session.finish();
}

void pause(Session &session, const json &request) {
  set_frozen(session, request, true);
}

void resume(Session &session, const json &request) {
  set_frozen(session, request, false);
}

void remove(Session &session, const json &request) {
  auto kept = named_box(session, request);
  if (!kept)
    return;
  if (!kept->wait_status && !request.value("force", false))
    return session.fail(fmt::format("{} is {}: end it first, or use --force", kept->name,
                                    kept->frozen ? "paused" : "running"));
  if (!kept->wait_status)
    session.family().signal(*kept, SIGKILL);
  session.begin(std::make_unique<Ending>(std::move(kept), [](Session &asker, KeptBox &ended) {
    asker.family().remove(ended);
    asker.send({{"done", true}});
  }));
}

void exec(Session &session, const json &request) {
  auto kept = named_box(session, request);
  if (!kept)
    return;
  if (kept->wait_status)
    return session.fail(fmt::format("{} has ended", kept->name));
  if (kept->frozen)
    return session.fail(fmt::format("{} is paused", kept->name));
  begin_exec(session, std::move(kept), request);
}

void save(Session &session, const json &request) {
  if (auto kept = named_box(session, request))
    begin_save(session, std::move(kept));
}

void read_files(Session &session, const json &request) {
  if (auto kept = named_box(session, request))
    begin_download(session, std::move(kept), bytes_of(request.at("path").get<std::string>()));
}

void write_files(Session &session, const json &request) {
  if (auto kept = named_box(session, request))
    begin_upload(session, std::move(kept), bytes_of(request.at("path").get<std::string>()));
}

void diff(Session &session, const json &request) {
  const auto kept = named_box(session, request);
  if (!kept)
    return;
  std::vector<fs::TreeChange> changes;
  {
    const KernelGuard guard(session.family().lock());
    changes = fs::changes_of(*kept->kernel().mounts);
  }
  for (const fs::TreeChange &change : changes)
    session.send(FrameType::output, fmt::format("{} {}\n", change.kind, change.path));
  session.send({{"done", true}});
  session.finish();
}

struct Command {
  std::string_view name;
  Handler handler;
};
constexpr Command commands[] = {
    {"list", list},     {"fork", fork}, {"logs", logs},       {"attach", attach},
    {"wait", wait},     {"kill", kill}, {"pause", pause},     {"resume", resume},
    {"remove", remove}, {"exec", exec}, {"read", read_files}, {"write", write_files},
    {"diff", diff},     {"save", save},
};

} // namespace

void carry_out(Session &session, const json &request) {
  const auto name = request.at("command").get<std::string>();
  const auto *const found =
      std::find_if(std::begin(commands), std::end(commands),
                   [&](const Command &command) { return command.name == name; });
  if (found == std::end(commands))
    return session.fail(fmt::format("there is no command {}", name));
  found->handler(session, request);
}

} // namespace tine::daemon
