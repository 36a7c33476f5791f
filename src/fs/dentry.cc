#include "fs/dentry.hpp"

#include <utility>

namespace tine::fs {

Dentry::Dentry(std::string name, Ref<Dentry> parent, Ref<Inode> inode)
    : name_(std::move(name)), parent_(std::move(parent)), inode_(std::move(inode)) {
  if (parent_ && inode_)
    parent_->children_.insert_or_assign(name_, this);
}

Dentry::~Dentry() {
  detach();
}

/// Leaves the parent's children, if it is what they show under its name.
void Dentry::detach() {
  if (!parent_)
    return;
  const auto found = parent_->children_.find(name_);
  if (found != parent_->children_.end() && found->second == this)
    parent_->children_.erase(found);
}

void Dentry::attach(Ref<Dentry> parent, std::string name) {
  parent_ = std::move(parent);
  name_ = std::move(name);
  parent_->children_.insert_or_assign(name_, this);
}

void Dentry::pin() {
  if (!std::exchange(pinned_, true))
    add_reference();
}

void Dentry::unpin() {
  if (std::exchange(pinned_, false))
    drop_reference(); // may be the end of this dentry
}

Dentry *Dentry::remembered(std::string_view name) {
  const auto found = children_.find(name);
  return found == children_.end() ? nullptr : found->second;
}

Result<Ref<Dentry>> Dentry::child(std::string_view name) {
  Dentry *known = remembered(name);
  if (known && inode_->remembers_children())
    return Ref<Dentry>(known);
  Ref<Inode> inode = TINE_TRY(inode_->lookup(name));
  if (known && known->inode_ == inode)
    return Ref<Dentry>(known);
  return add_child(name, std::move(inode));
}

Ref<Dentry> Dentry::missing_child(std::string_view name) {
  return make_ref<Dentry>(std::string(name), Ref<Dentry>(this), nullptr);
}

Ref<Dentry> Dentry::add_child(std::string_view name, Ref<Inode> inode) {
  if (Ref<Dentry> old{remembered(name)}) {
    children_.erase(children_.find(name));
    old->unpin();
  }
  Ref<Dentry> dentry = make_ref<Dentry>(std::string(name), Ref<Dentry>(this), std::move(inode));
  if (inode_->remembers_children() && dentry->inode_->is_directory())
    dentry->pin();
  return dentry;
}

void Dentry::forget_child(std::string_view name) {
  const Ref<Dentry> gone{remembered(name)};
  if (!gone)
    return;
  children_.erase(children_.find(name));
  gone->deleted_ = true;
  gone->unpin();
}

void Dentry::move(Dentry &directory, std::string_view name, Dentry &new_directory,
                  std::string_view new_name, bool exchanged) {
  const Ref<Dentry> moved{directory.remembered(name)};
  const Ref<Dentry> replaced{new_directory.remembered(new_name)};
  if (moved)
    directory.children_.erase(directory.children_.find(name));
  if (replaced && replaced != moved) {
    new_directory.children_.erase(new_directory.children_.find(new_name));
    if (exchanged) {
      replaced->attach(Ref<Dentry>(&directory), std::string(name));
    } else {
      replaced->deleted_ = true;
      replaced->unpin();
    }
  }
  if (moved)
    moved->attach(Ref<Dentry>(&new_directory), std::string(new_name));
}

bool Dentry::is_ancestor_of(const Dentry &other) const {
  for (const Dentry *at = &other; at; at = at->parent_.get())
    if (at == this)
      return true;
  return false;
}

void Dentry::release_children() {
  std::vector<Ref<Dentry>> children;
  for (const auto &[name, child] : children_)
    children.emplace_back(child);
  for (const Ref<Dentry> &child : children) {
    child->release_children();
    child->unpin();
  }
}

Ref<Dentry> root_dentry(FileSystem &file_system) {
  return make_ref<Dentry>("", nullptr, file_system.root());
}

} // namespace tine::fs
