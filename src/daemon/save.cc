// `tine save`: the box is written to a file of the client's, by a thread of its own.
#include "daemon/session.hpp"

#include <atomic>
#include <fmt/format.h>
#include <thread>

namespace tine::daemon {
namespace {

/// Until the thread is done, also if the client goes away.
class Saving final : public Activity {
public:
  Saving(Family &family, std::shared_ptr<KeptBox> kept, UniqueFd file)
      : kept_(std::move(kept)), file_(std::move(file)),
        thread_([this, &family, surroundings = family.surroundings()]() mutable {
          failure_ = kept_->box->save(file_.get(), std::move(surroundings));
          done_ = true;
          family.wakeup().raise();
        }) {}
  ~Saving() override {
    if (thread_.joinable())
      thread_.join();
  }

  void go_on(Session &session) override {
    if (!done_)
      return;
    thread_.join();
    if (failure_)
      return session.fail(fmt::format("{}: {}", kept_->name, failure_->message),
                          failure_->exit_status);
    session.send({{"done", true}});
    session.finish();
  }

private:
  std::shared_ptr<KeptBox> kept_;
  UniqueFd file_;
  std::optional<box::StartFailure> failure_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

} // namespace

void begin_save(Session &session, std::shared_ptr<KeptBox> kept) {
  auto &descriptors = session.descriptors();
  if (descriptors.size() != 1)
    return session.fail("there is no file to save to");
  session.begin(
      std::make_unique<Saving>(session.family(), std::move(kept), std::move(descriptors.front())));
}

} // namespace tine::daemon
