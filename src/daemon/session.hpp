// A connection to the server: one request, and what follows it.
#pragma once

#include "daemon/family.hpp"
#include "daemon/protocol.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <vector>

namespace tine::daemon {

class Session;

/// What a request began and what goes on after its first answer. Owned by its session.
class Activity {
public:
  virtual ~Activity() = default;
  /// Something may have changed: the box, or there is room for more to send.
  virtual void go_on(Session &session) = 0;
  /// A frame of the client's. EPROTO ends the connection.
  [[nodiscard]] virtual Status take(Session & /*session*/, const Frame & /*frame*/) {
    return Errno{EPROTO};
  }
  /// Whether more frames may come now.
  [[nodiscard]] virtual bool is_ready() const { return true; }
};

/// Owned by the server. Never blocks.
class Session {
public:
  Session(UniqueFd socket, Family &family);

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] Family &family() { return family_; }
  /// Takes what the client sent.
  void receive();
  void go_on();
  /// EPOLLIN, EPOLLOUT.
  [[nodiscard]] u32 wanted_events() const;
  [[nodiscard]] bool is_over() const { return over_ || (finished_ && sent_ == output_.size()); }

  // ---- for commands and activities ----
  void send(const json &message) { output_ += encode(message); }
  void send(FrameType type, std::string_view bytes) { output_ += encode(type, bytes); }
  /// Whether more should be sent now.
  [[nodiscard]] bool has_room() const { return output_.size() - sent_ < most_unsent; }
  /// The connection ends when all is sent.
  void finish() { finished_ = true; }
  void fail(const std::string &message, int exit_status = own_failure);
  void begin(std::unique_ptr<Activity> activity) { activity_ = std::move(activity); }
  /// Descriptors that came with the request.
  [[nodiscard]] std::vector<UniqueFd> &descriptors() { return descriptors_; }

private:
  static constexpr std::size_t most_unsent = std::size_t{256} << 10;

  void flush();
  void take_frames();
  [[nodiscard]] Status take(const Frame &frame);

  UniqueFd socket_;
  Family &family_;
  FrameReader frames_;
  std::vector<UniqueFd> descriptors_;
  std::unique_ptr<Activity> activity_;
  std::string output_;
  std::size_t sent_ = 0;
  bool asked_ = false; ///< the request has come
  bool finished_ = false, over_ = false;
  bool had_no_room_ = false; ///< when the activity was last asked to go on
};

/// Carries out a request, or begins to. json::exception if a member has another type than it
/// should.
void carry_out(Session &session, const json &request);

/// "rows" and "columns" of a message.
[[nodiscard]] struct winsize window_size(const json &message);

// ---- what commands begin; each in a source of its own ----
void begin_download(Session &session, std::shared_ptr<KeptBox> kept, const std::string &path);
void begin_upload(Session &session, std::shared_ptr<KeptBox> kept, const std::string &path);
void begin_save(Session &session, std::shared_ptr<KeptBox> kept);
void begin_exec(Session &session, std::shared_ptr<KeptBox> kept, const json &request);

} // namespace tine::daemon
