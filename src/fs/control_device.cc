#include "fs/control_device.hpp"

#include "fs/plain_files.hpp"
#include "fs/saved_classes.hpp"

#include <poll.h>
#include <string_view>
#include <sys/sysmacros.h>

namespace tine::fs {

class ControlFile final : public PlacedFile {
public:
  ControlFile(const Path &path, u32 flags, Ref<BoxControl> control)
      : PlacedFile(path, flags), control_(std::move(control)) {}
  ~ControlFile() override {
    std::erase(control_->waiting_, this);
    std::erase(control_->forked_, this);
  }

  /// One request at a time: until it is answered, a further write waits for the same answer.
  Result<u64> write(memory::IoBuffer &from) override {
    if (state_ == State::waiting)
      return Errno{EAGAIN};
    std::byte bytes[8];
    const u64 count = TINE_TRY(from.copy_in(bytes));
    if (state_ == State::idle) {
      const std::string_view command(reinterpret_cast<const char *>(bytes), count);
      if (command != "fork" && command != "fork\n")
        return Errno{EINVAL};
      state_ = State::waiting;
      control_->waiting_.push_back(this);
      control_->request_(control_->keeper_, *control_);
      return Errno{EAGAIN};
    }
    state_ = State::idle;
    if (answer_ < 0)
      return Errno{static_cast<int>(-answer_)};
    text_ = std::to_string(answer_);
    return count;
  }
  Result<u64> read(memory::IoBuffer &to) override {
    const u64 count = TINE_TRY(to.copy_out(std::as_bytes(std::span(text_))));
    text_.erase(0, count);
    return count;
  }
  u32 poll() override { return state_ == State::waiting ? 0 : POLLIN | POLLOUT; }
  sched::WaitQueue *wait_queue() override { return &control_->answered; }

  void set_answer(i64 answer) {
    answer_ = answer;
    state_ = State::answered;
  }

  /// One that waits when the box is saved is refused when it is restored.
  static Ref<RefCounted> archive_head(Archive &archive, ControlFile *saved) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Path place = saved ? saved->place_ : Path{};
      Ref<BoxControl> control = saved ? saved->control_ : nullptr;
      State state = saved ? saved->state_ : State::idle;
      i64 answer = saved ? saved->answer_ : 0;
      std::string text = saved ? saved->text_ : std::string();
      archive(place);
      archive.required(control);
      archive.choice(state, State::answered);
      archive(answer, text);
      if (saved || !archive.ok() || !place)
        return nullptr;
      auto made = make_ref<ControlFile>(place, flags, control);
      made->state_ = state == State::waiting ? State::answered : state;
      made->answer_ = state == State::waiting ? -i64{ECANCELED} : answer;
      made->text_ = std::move(text);
      return made;
    });
  }

private:
  /// The copy of one that waits waits for the copy's answer.
  Result<Ref<File>> make_copy(Copier &copier) override {
    auto made = make_ref<ControlFile>(TINE_TRY(copy_path(copier, place_)), status_flags(),
                                      TINE_TRY(copier.copy(control_)));
    made->state_ = state_;
    made->answer_ = answer_;
    made->text_ = text_;
    if (state_ == State::waiting) {
      made->control_->waiting_.push_back(made.get());
      made->control_->forked_.push_back(made.get());
    }
    return Ref<File>(made);
  }

  enum class State : u8 { idle, waiting, answered };
  Ref<BoxControl> control_;
  State state_ = State::idle;
  i64 answer_ = 0;
  std::string text_; ///< what read gives
};

Ref<BoxControl> BoxControl::answer_fork(i64 number) {
  const Ref<BoxControl> copy(std::exchange(latest_copy_, nullptr));
  answer(0);
  if (copy)
    copy->answer(number);
  return copy;
}

void BoxControl::answer(i64 number) {
  for (ControlFile *file : std::exchange(forked_, {})) {
    file->set_answer(number);
    std::erase(waiting_, file);
  }
  answered.wake_all();
}

void BoxControl::refuse(Errno error) {
  forked_.clear();
  for (ControlFile *file : std::exchange(waiting_, {}))
    file->set_answer(-static_cast<i64>(error));
  answered.wake_all();
}

Result<Ref<BoxControl>> BoxControl::copy(Copier &) {
  auto made = make_ref<BoxControl>(request_, keeper_);
  latest_copy_ = made.get();
  forked_ = waiting_; // the copies of these add themselves
  return made;
}

void add_control_device(PseudoFs &dev, const Ref<BoxControl> &control) {
  // 10 is the major number of miscellaneous devices, 255 the minor that Linux leaves to whoever
  // asks.
  dev.root_directory()->add("tine", dev.special(S_IFCHR, makedev(10, 255), {.mode = 0666},
                                                [control](const Path &path, u32 flags) {
                                                  return Result<Ref<File>>(Ref<File>(
                                                      make_ref<ControlFile>(path, flags, control)));
                                                }));
}

/// That of whoever restores the box, or one that refuses.
Ref<RefCounted> BoxControl::archive_head(Archive &archive, BoxControl *saved) {
  if (saved)
    return Ref<RefCounted>(saved);
  if (auto *given = archive.context<BoxControl>())
    return Ref<RefCounted>(given);
  return make_ref<BoxControl>([](void *, BoxControl &control) { control.refuse(Errno{ENOTSUP}); },
                              nullptr);
}

void add_saved_control(ArchiveClasses &classes) {
  classes.add<BoxControl>("fork control");
  classes.add<ControlFile>("open fork control");
}

} // namespace tine::fs
