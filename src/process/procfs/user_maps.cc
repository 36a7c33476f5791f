// /proc/PID/uid_map, gid_map and setgroups: user_namespaces(7), "User and group ID mappings".
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"

#include <charconv>
#include <fmt/format.h>
#include <linux/capability.h>

namespace tine::process {
namespace {

using fs::IdMap;
using fs::IdRange;
using fs::UserNamespace;

constexpr std::size_t most_lines = 340; // UID_GID_MAP_MAX_EXTENTS

/// Users or groups.
struct Kind {
  IdMap UserNamespace::*map;
  u32 capability;
  u32 (*to_box)(const UserNamespace *, u32);
  u32 (*from_box)(const UserNamespace *, u32);
};
constexpr Kind users{&UserNamespace::users, CAP_SETUID, fs::user_to_box, fs::user_from_box};
constexpr Kind groups{&UserNamespace::groups, CAP_SETGID, fs::group_to_box, fs::group_from_box};

/// "the outside ID is interpreted … according to the user namespace of the process opening the
/// file", or the parent's if that is the same.
Result<std::string> map_text(const Subject &subject, const Kind &kind) {
  const Thread &thread = *TINE_TRY(subject.thread());
  const UserNamespace *space = user_namespace_of(thread);
  if (space == nullptr)
    return fmt::format("{:>10} {:>10} {:>10}\n", 0, 0, ~u32{0});
  const Thread *reader = current_thread(subject.kernel);
  const UserNamespace *outer = reader ? user_namespace_of(*reader) : nullptr;
  if (outer == space)
    outer = space->parent.get();
  std::string text;
  for (const IdRange &range : (space->*kind.map).ranges)
    text += fmt::format("{:>10} {:>10} {:>10}\n", range.inside, kind.from_box(outer, range.outside),
                        range.count);
  return text;
}

std::string_view next_word(std::string_view &line) {
  const std::size_t start = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t end = std::min(line.find_first_of(" \t", start), line.size());
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

Result<IdRange> parse_line(std::string_view line) {
  u32 values[3] = {};
  for (u32 &value : values) {
    const std::string_view word = next_word(line);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error != std::errc{} || end != word.data() + word.size())
      return Errno{EINVAL};
  }
  const IdRange range{values[0], values[1], values[2]};
  const bool wraps =
      u64{range.inside} + range.count > fs::no_id || u64{range.outside} + range.count > fs::no_id;
  if (!next_word(line).empty() || range.count == 0 || wraps)
    return Errno{EINVAL};
  return range;
}

bool overlap(u32 first, u32 first_count, u32 second, u32 second_count) {
  return first < second + second_count && second < first + first_count;
}

/// The lines, with ids as they were written.
Result<std::vector<IdRange>> parse_map(std::string_view text) {
  std::vector<IdRange> ranges;
  if (text.size() >= page_size)
    return Errno{EINVAL};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const IdRange range = TINE_TRY(parse_line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    for (const IdRange &other : ranges)
      if (overlap(range.inside, range.count, other.inside, other.count) ||
          overlap(range.outside, range.count, other.outside, other.count))
        return Errno{EINVAL};
    ranges.push_back(range);
  }
  return ranges.empty() || ranges.size() > most_lines ? Errno{EINVAL}
                                                      : Result<std::vector<IdRange>>{ranges};
}

/// new_idmap_permitted: one's own id without privilege, if setgroups is denied for the group's;
/// else "the process must have CAP_SETUID (CAP_SETGID) in the parent user namespace".
bool may_map(const Thread &writer, const UserNamespace &space, const Kind &kind,
             std::span<const IdRange> ranges) {
  const fs::Credentials &ids = writer.credentials;
  if (ranges.size() == 1 && ranges[0].count == 1 && ids.euid == space.owner) {
    const u32 outside = kind.to_box(space.parent.get(), ranges[0].outside);
    if (kind.map == users.map && outside == ids.euid)
      return true;
    if (kind.map == groups.map && outside == ids.egid && !space.may_set_groups)
      return true;
  }
  return ids.capable_in(space.parent.get(), kind.capability);
}

Status write_map(const Subject &subject, const Kind &kind, std::string_view text) {
  const Thread &thread = *TINE_TRY(subject.thread());
  const Thread *writer = current_thread(subject.kernel);
  UserNamespace *space = user_namespace_of(thread);
  if (space == nullptr || writer == nullptr || !(space->*kind.map).ranges.empty())
    return Errno{EPERM}; // "may be written to only once"
  const UserNamespace *writers = user_namespace_of(*writer);
  if ((writers != space && writers != space->parent.get()) ||
      !writer->credentials.capable_in(space, CAP_SYS_ADMIN))
    return Errno{EPERM};
  std::vector<IdRange> ranges = TINE_TRY(parse_map(text));
  if (!may_map(*writer, *space, kind, ranges))
    return Errno{EPERM};
  for (IdRange &range : ranges) {
    // All of a range lies in one of the parent's.
    const u32 first = kind.to_box(space->parent.get(), range.outside);
    const u32 last = kind.to_box(space->parent.get(), range.outside + range.count - 1);
    if (first == fs::no_id || last == fs::no_id || last - first != range.count - 1)
      return Errno{EPERM};
    range.outside = first;
  }
  (space->*kind.map).ranges = std::move(ranges);
  return Done{};
}

} // namespace

const Thread *current_thread(const Kernel &kernel) {
  const fs::Caller *caller = fs::current_caller();
  return caller ? kernel.find_thread(caller->thread()) : nullptr;
}

Result<std::string> uid_map_text(const Subject &subject) {
  return map_text(subject, users);
}
Result<std::string> gid_map_text(const Subject &subject) {
  return map_text(subject, groups);
}
Status write_uid_map(const Subject &subject, std::string_view text) {
  return write_map(subject, users, text);
}
Status write_gid_map(const Subject &subject, std::string_view text) {
  return write_map(subject, groups, text);
}

Result<std::string> setgroups_text(const Subject &subject) {
  const UserNamespace *space = user_namespace_of(*TINE_TRY(subject.thread()));
  return std::string(space == nullptr || space->may_set_groups ? "allow\n" : "deny\n");
}

Status write_setgroups(const Subject &subject, std::string_view text) {
  UserNamespace *space = user_namespace_of(*TINE_TRY(subject.thread()));
  const Thread *writer = current_thread(subject.kernel);
  const bool denies = text == "deny" || text == "deny\n";
  if (!denies && text != "allow" && text != "allow\n")
    return Errno{EINVAL};
  if (writer == nullptr || !writer->credentials.capable_in(space, CAP_SYS_ADMIN))
    return Errno{EPERM};
  const bool may_set = space == nullptr || space->may_set_groups;
  if (!denies)
    return may_set ? Status{Done{}} : Status{Errno{EPERM}};
  // "deny … only before gid_map has been set".
  if (space == nullptr || (may_set && !space->groups.ranges.empty()))
    return Errno{EPERM};
  space->may_set_groups = false;
  return Done{};
}

} // namespace tine::process
