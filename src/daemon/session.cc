#include "daemon/session.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace tine::daemon {

Session::Session(UniqueFd socket, Family &family) : socket_(std::move(socket)), family_(family) {}

void Session::fail(const std::string &message, int exit_status) {
  send({{"error", message}, {"status", exit_status}});
  finish();
}

u32 Session::wanted_events() const {
  u32 events = 0;
  if (!activity_ || activity_->is_ready())
    events |= EPOLLIN;
  if (sent_ < output_.size() || had_no_room_)
    events |= EPOLLOUT;
  return events;
}

void Session::receive() {
  const auto more = receive_some(socket_.get(), frames_, descriptors_);
  if (!more || !*more) {
    over_ = true;
    return;
  }
  take_frames();
}

void Session::take_frames() {
  while (!over_ && !finished_ && (!activity_ || activity_->is_ready())) {
    auto frame = frames_.next();
    if (frame && !*frame)
      return;
    if (!frame || !take(**frame))
      over_ = true;
  }
}

Status Session::take(const Frame &frame) {
  try {
    if (activity_)
      return activity_->take(*this, frame);
    if (asked_)
      return Errno{EPROTO};
    asked_ = true;
    const json request = TINE_TRY(parse_message(frame));
    carry_out(*this, request);
  } catch (const json::exception &) {
    return Errno{EPROTO};
  } catch (const Failure &failure) {
    fail(failure.what(), failure.exit_status);
  }
  descriptors_.clear(); // those that the command didn't take
  return Done{};
}

void Session::go_on() {
  if (activity_ && !finished_)
    activity_->go_on(*this);
  take_frames();
  // What stopped for want of room goes on when there is some, which may be at once.
  had_no_room_ = !has_room();
  flush();
}

void Session::flush() {
  while (!over_ && sent_ < output_.size()) {
    const ssize_t count = ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      over_ = errno != EAGAIN;
      return;
    }
    sent_ += static_cast<std::size_t>(count);
  }
  output_.clear();
  sent_ = 0;
}

} // namespace tine::daemon
