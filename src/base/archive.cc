#include "base/archive.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

namespace tine {
namespace {

/// Heads within heads: enough for 32 nested namespaces of two kinds, and far from the stack's end.
constexpr u32 deepest_head = 200;

std::string readable_name(const std::type_info &type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void *)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  std::string text = name ? name.get() : type.name();
  if (const auto last = text.rfind("::"); last != std::string::npos)
    text.erase(0, last + 2);
  return text;
}

} // namespace

const ArchiveClasses::Class *ArchiveClasses::find(const std::type_index &type) const {
  const auto found = by_type_.find(type);
  return found == by_type_.end() ? nullptr : &found->second;
}

const ArchiveClasses::Class *ArchiveClasses::find(const std::string &name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : find(found->second);
}

Archive::~Archive() {
  forget();
}

void Archive::forget() {
  at_end_.clear();
  while (!objects_.empty())
    objects_.pop_back();
}

void Archive::fail(std::string problem) {
  if (!problem_.empty())
    return;
  problem_ = std::move(problem);
  input_ = {};
}

void Archive::raw(std::span<std::byte> bytes) {
  if (!reading_) {
    output_.insert(output_.end(), bytes.begin(), bytes.end());
    return;
  }
  if (bytes.size() > input_.size()) {
    fail("it ends too early");
    std::fill(bytes.begin(), bytes.end(), std::byte{});
    return;
  }
  std::copy_n(input_.begin(), bytes.size(), bytes.begin());
  input_ = input_.subspan(bytes.size());
}

u64 Archive::count(u64 size) {
  item(size);
  if (reading_ && size > input_.size()) {
    fail("it counts more than it has");
    return 0;
  }
  return size;
}

void Archive::item(bool &value) {
  auto number = static_cast<u8>(value ? 1 : 0);
  plain(number);
  if (number > 1)
    fail("it has a number where a flag should be");
  value = number == 1;
}

void Archive::item(std::string &text) {
  const u64 size = count(text.size());
  if (reading_)
    text.assign(size, '\0');
  raw(std::as_writable_bytes(std::span(text)));
}

void Archive::item(std::vector<std::byte> &bytes) {
  const u64 size = count(bytes.size());
  if (reading_)
    bytes.assign(size, std::byte{});
  raw(bytes);
}

void Archive::instant(std::optional<Nanoseconds> &time, bool of_wall_clock) {
  bool there = time.has_value();
  item(there);
  if (!there) {
    time.reset();
    return;
  }
  Nanoseconds value = time.value_or(0);
  instant(value, of_wall_clock);
  time = value;
}

void Archive::weak_address(const void *&address) {
  u64 id = reading_ ? 0 : known(address);
  item(id);
  if (reading_)
    address = known_object(id);
}

u64 Archive::known(const void *object) const {
  const auto found = ids_.find(object);
  return found == ids_.end() ? 0 : found->second;
}

RefCounted *Archive::known_object(u64 id) {
  if (id > objects_.size())
    fail("it refers to an object that it doesn't have");
  if (id == 0 || !ok())
    return nullptr;
  if (!objects_[id - 1].object)
    fail("an object in it needs itself to be made");
  return objects_[id - 1].object.get();
}

Ref<RefCounted> Archive::make_head(const ArchiveClasses::Class &type, RefCounted *saved) {
  if (++depth_ > deepest_head)
    fail("objects in it are nested too deeply");
  Ref<RefCounted> made = ok() ? type.head(*this, saved) : Ref<RefCounted>();
  --depth_;
  return made;
}

/// An id that is new is followed by the class: its number, if that is new by its name.
void Archive::write_object(RefCounted *object) {
  u64 id = known(object);
  if (object == nullptr || id != 0) {
    item(id);
    return;
  }
  const ArchiveClasses::Class *const type = classes_.find(std::type_index(typeid(*object)));
  if (type == nullptr)
    return fail(readable_name(typeid(*object)));
  id = objects_.size() + 1;
  ids_.emplace(object, id);
  objects_.push_back({Ref<RefCounted>(object), type});
  item(id);
  const auto place = std::find(types_.begin(), types_.end(), type);
  auto number = static_cast<u32>(place - types_.begin());
  item(number);
  if (place == types_.end()) {
    types_.push_back(type);
    std::string name = type->name;
    item(name);
  }
  static_cast<void>(make_head(*type, object));
}

const ArchiveClasses::Class *Archive::read_class() {
  u32 number = 0;
  item(number);
  if (number < types_.size())
    return types_[number];
  if (number > types_.size())
    fail("it refers to a class that it doesn't name");
  std::string name;
  item(name);
  const ArchiveClasses::Class *const type = classes_.find(name);
  if (type == nullptr && ok())
    fail("it has an object of a class that this tine doesn't know: " + name);
  types_.push_back(type);
  return type;
}

/// The object isn't known before its head was read: a head that leads back to it is refused.
Ref<RefCounted> Archive::read_object() {
  u64 id = 0;
  item(id);
  if (id <= objects_.size())
    return Ref<RefCounted>(known_object(id));
  if (id != objects_.size() + 1) {
    fail("it refers to an object that it doesn't have");
    return {};
  }
  const ArchiveClasses::Class *const type = read_class();
  if (!ok())
    return {};
  objects_.push_back({{}, type});
  Ref<RefCounted> made = make_head(*type, nullptr);
  if (!made)
    fail("an object of it can't be made: " + type->name);
  objects_[id - 1].object = made;
  return made;
}

void Archive::finish_bodies() {
  while (next_body_ < objects_.size() && ok()) {
    const Object &next = objects_[next_body_++];
    const Ref<RefCounted> object = next.object; // the list grows
    if (next.type->body != nullptr)
      next.type->body(*this, *object);
  }
}

void Archive::finish() {
  finish_bodies();
  while (!at_end_.empty() && ok()) {
    const std::function<void(Archive &)> rest = std::move(at_end_.front());
    at_end_.pop_front();
    rest(*this);
    finish_bodies();
  }
}

} // namespace tine
