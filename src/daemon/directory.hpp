// Where the families of boxes are found: a directory with one socket for each.
#pragma once

#include "base/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tine::daemon {

/// A family has the name of its first box; its forks have that name with "-NUMBER" behind it. So a
/// box's name says where its family's socket is.
[[nodiscard]] std::string family_of(std::string_view box_name);
/// Whether a first box may be called that: 1 to 64 of A-Z a-z 0-9 _ . -, a letter or digit first,
/// no "-NUMBER" at the end. std::invalid_argument says what is wrong.
void check_family_name(std::string_view name);
/// Whether it can be the name of a box at all; std::invalid_argument.
void check_box_name(std::string_view name);

/// $XDG_RUNTIME_DIR/tine, or /tmp/tine-UID: the caller's own, mode 0700. In it NAME.sock, mode
/// 0600, is the socket of a family. One whose host process is gone (killed) is removed by whoever
/// finds that out. A lock on the directory keeps two from making, or one from removing what another
/// has just made: it is held for a few system calls, and goes with its holder.
class FamilyDirectory {
public:
  /// Makes it if need be. std::runtime_error if it can't be, or isn't the caller's alone.
  FamilyDirectory();

  /// The families that have a socket, in order.
  [[nodiscard]] std::vector<std::string> families() const;
  /// A connection; none if there is no such family.
  [[nodiscard]] UniqueFd connect(const std::string &family);
  /// The listening socket of a new family; none if there is one of that name.
  [[nodiscard]] UniqueFd listen(const std::string &family);
  /// The name goes of a socket that is ours.
  void remove(const std::string &family);
  [[nodiscard]] int descriptor() const { return directory_.get(); }

private:
  [[nodiscard]] UniqueFd try_connect(const std::string &family, bool &refused) const;

  std::string path_;
  UniqueFd directory_;
};

/// The user at the other end of a connected Unix socket; -1 if that can't be told.
[[nodiscard]] long peer_user(int socket);

} // namespace tine::daemon
