// The values of the command's options. std::invalid_argument with a message for the user.
#pragma once

#include "box/box.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tine::cli {

/// "512", "64K", "100M", "4G", "1T": bytes, at least one page.
[[nodiscard]] u64 parse_size(std::string_view text);
/// "SRC[:DST][:ro|rw]"; the source is made absolute, the target is the source's path if there is
/// none.
[[nodiscard]] box::Bind parse_bind(std::string_view text);
/// "FILE[:NAME]"; the file's own name if there is none.
[[nodiscard]] box::Secret parse_secret(std::string_view text);
/// "UID[:GID]" or a name of the host's /etc/passwd, with its groups.
void parse_user(const std::string &text, box::BoxOptions &options);
/// The environment of the box: the caller's (unless `clear`) with each "K=V" set and each "K" taken
/// over.
[[nodiscard]] std::vector<std::string> make_environment(bool clear,
                                                        const std::vector<std::string> &settings);

/// "9", "KILL", "SIGKILL": the signal's number, 0 to 64.
[[nodiscard]] int parse_signal(const std::string &text);
/// A program and its arguments: what the command's options left, and what came after "--".
/// `usage`: how the command is called, for the message.
[[nodiscard]] std::vector<std::string>
program_and_arguments(std::vector<std::string> words,
                      const std::optional<std::vector<std::string>> &after_separator,
                      std::string_view usage);

} // namespace tine::cli
