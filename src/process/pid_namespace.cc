#include "process/pid_namespace.hpp"

namespace tine::process {
namespace {

constexpr i32 number_limit = 4'194'304;
constexpr i32 first_after_wrap = 300; // RESERVED_PIDS

} // namespace

bool is_within(const PidNamespace *inner, const PidNamespace *outer) {
  if (outer == nullptr)
    return true;
  for (; inner != nullptr; inner = inner->parent.get())
    if (inner == outer)
      return true;
  return false;
}

Result<Ref<PidNamespace>> PidNamespace::copy(Copier &copier) const {
  Ref<PidNamespace> made =
      make_ref<PidNamespace>(id, TINE_TRY(copier.copy(parent)), TINE_TRY(copier.copy(owner)));
  made->init = init;
  made->ended = ended;
  made->by_number_ = by_number_;
  made->last_ = last_;
  return made;
}

Status PidNumbers::copy_from(const PidNumbers &original, Copier &copier) {
  for (const auto &[pid, entry] : original.entries_)
    entries_.emplace(pid, Entry{TINE_TRY(copier.copy(entry.space)), entry.numbers});
  return Done{};
}

Status PidNumbers::assign(Pid pid, const Ref<PidNamespace> &space, std::span<const Pid> wanted) {
  Entry entry{space, std::vector<i32>(space->level)};
  std::size_t depth = 0;
  // Nothing is entered before all numbers are found.
  for (PidNamespace *level = space.get(); level != nullptr; level = level->parent.get(), ++depth) {
    if (level->ended)
      return Errno{ENOMEM};
    i32 number = 0;
    if (depth < wanted.size()) {
      number = wanted[depth].value;
      if (number < 1 || number >= number_limit || (level->by_number_.empty() && number != 1))
        return Errno{EINVAL};
      if (level->by_number_.contains(number))
        return Errno{EEXIST};
    } else {
      number = level->last_;
      do {
        number = number + 1 < number_limit ? number + 1 : first_after_wrap;
        if (number == level->last_)
          return Errno{EAGAIN};
      } while (level->by_number_.contains(number));
    }
    entry.numbers[level->level - 1] = number;
  }
  for (PidNamespace *level = space.get(); level != nullptr; level = level->parent.get()) {
    const i32 number = entry.numbers[level->level - 1];
    level->last_ = number;
    level->by_number_.emplace(number, pid);
  }
  if (entry.numbers.back() == 1)
    space->init = pid;
  entries_.emplace(pid, std::move(entry));
  return Done{};
}

void PidNumbers::forget(Pid pid) {
  const auto found = entries_.find(pid);
  if (found == entries_.end())
    return;
  const Entry entry = std::move(found->second);
  entries_.erase(found);
  for (PidNamespace *level = entry.space.get(); level != nullptr; level = level->parent.get())
    level->by_number_.erase(entry.numbers[level->level - 1]);
}

PidNamespace *PidNumbers::space_of(Pid pid) const {
  const auto found = entries_.find(pid);
  return found == entries_.end() ? nullptr : found->second.space.get();
}

Pid PidNumbers::number(const PidNamespace *viewer, Pid pid) const {
  if (viewer == nullptr)
    return pid;
  const auto found = entries_.find(pid);
  if (found == entries_.end() || !is_within(found->second.space.get(), viewer))
    return Pid{};
  return Pid{found->second.numbers[viewer->level - 1]};
}

Pid PidNumbers::find(const PidNamespace *viewer, Pid number) const {
  if (viewer == nullptr)
    return number;
  const auto found = viewer->by_number_.find(number.value);
  return found == viewer->by_number_.end() ? Pid{} : found->second;
}

std::vector<Pid> PidNumbers::numbers_below(const PidNamespace *viewer, Pid pid) const {
  std::vector<Pid> numbers;
  if (viewer == nullptr)
    numbers.push_back(pid);
  const auto found = entries_.find(pid);
  if (found == entries_.end())
    return numbers;
  const u32 first = viewer == nullptr ? 1 : viewer->level;
  for (u32 level = first; level <= found->second.numbers.size(); ++level)
    numbers.push_back(Pid{found->second.numbers[level - 1]});
  return numbers;
}

} // namespace tine::process
