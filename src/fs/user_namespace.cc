#include "fs/user_namespace.hpp"

namespace tine::fs {

Result<Ref<UserNamespace>> UserNamespace::copy(Copier &copier) const {
  Ref<UserNamespace> made = make_ref<UserNamespace>();
  made->id = id;
  made->parent = TINE_TRY(copier.copy(parent));
  made->level = level;
  made->owner = owner;
  made->group = group;
  made->users = users;
  made->groups = groups;
  made->may_set_groups = may_set_groups;
  return made;
}

u32 IdMap::to_box(u32 inside) const {
  for (const IdRange &range : ranges)
    if (inside >= range.inside && inside - range.inside < range.count)
      return range.outside + (inside - range.inside);
  return no_id;
}

u32 IdMap::from_box(u32 id) const {
  for (const IdRange &range : ranges)
    if (id >= range.outside && id - range.outside < range.count)
      return range.inside + (id - range.outside);
  return no_id;
}

bool is_within(const UserNamespace *inner, const UserNamespace *outer) {
  if (outer == nullptr)
    return true;
  for (; inner != nullptr; inner = inner->parent.get())
    if (inner == outer)
      return true;
  return false;
}

u32 user_to_box(const UserNamespace *space, u32 id) {
  return space ? space->users.to_box(id) : id;
}
u32 group_to_box(const UserNamespace *space, u32 id) {
  return space ? space->groups.to_box(id) : id;
}
u32 user_from_box(const UserNamespace *space, u32 id) {
  return space ? space->users.from_box(id) : id;
}
u32 group_from_box(const UserNamespace *space, u32 id) {
  return space ? space->groups.from_box(id) : id;
}

u32 shown_user(const UserNamespace *space, u32 id) {
  const u32 shown = user_from_box(space, id);
  return shown == no_id ? overflow_id : shown;
}
u32 shown_group(const UserNamespace *space, u32 id) {
  const u32 shown = group_from_box(space, id);
  return shown == no_id ? overflow_id : shown;
}

} // namespace tine::fs
