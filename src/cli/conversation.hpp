// The client's side of `tine attach` and `tine exec`: standard streams, signals, the terminal's
// size.
#pragma once

#include "base/unique_fd.hpp"
#include "daemon/protocol.hpp"

#include <optional>
#include <signal.h>
#include <string>
#include <vector>

namespace tine::cli {

/// What to do with the caller's standard input.
enum class InputUse : unsigned char {
  none,
  send,             ///< and its end
  send_without_end, ///< the conversation is over when the box has taken all
};

/// What to do with signals that tine gets (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2).
enum class SignalUse : unsigned char {
  default_action, ///< tine ends; what runs in the box does not
  forward,
};

/// Bytes that go from one descriptor to another beside the conversation.
struct Relay {
  int from = -1;
  UniqueFd own; ///< `from`, if it is ours; closed at its end
  int to = -1;
  UniqueFd own_to;       ///< `to`, likewise
  bool is_output = true; ///< what is there at the end of the conversation is still passed on
};

/// To be made before the request is sent: signals are kept from then on. Owned by the command.
class Conversation {
public:
  Conversation(daemon::Connection &connection, InputUse input, SignalUse signals);
  ~Conversation();
  Conversation(const Conversation &) = delete;
  Conversation &operator=(const Conversation &) = delete;

  /// The caller's terminal is the program's: raw, with its size; ctrl-p ctrl-q ends the
  /// conversation.
  void use_terminal() { terminal_ = true; }
  void add(Relay relay) { relays_.push_back(std::move(relay)); }
  /// How the box's program ended; nothing if the conversation ended before it. Failure if the
  /// server goes away.
  [[nodiscard]] std::optional<int> run();

private:
  void take_frame(const daemon::Frame &frame);
  void take_input();
  void take_signal();
  /// False when the relay is over.
  static bool pass_on(Relay &relay);
  void finish_relays();
  /// Bytes without the detach keys; sets detached_ when they are complete.
  [[nodiscard]] std::string without_detach_keys(std::string_view bytes);

  daemon::Connection &connection_;
  InputUse input_;
  bool terminal_ = false;
  sigset_t signals_{}, mask_before_{};
  UniqueFd signal_descriptor_;
  std::vector<Relay> relays_;
  std::optional<int> exit_status_;
  bool over_ = false;
  bool blocked_ = false;   ///< there is no room for input on the connection
  bool first_key_ = false; ///< ctrl-p was typed
};

/// {"rows": .., "columns": ..} of the caller's terminal, added to the message; false if it has
/// none.
bool add_terminal_size(daemon::json &message);

} // namespace tine::cli
